"""Signing with BIND's tools: every server gets the same signed zone."""

import glob
import os
import subprocess

from zones import text as escaped

FORMS = {"nsec": [], "nsec3": ["-3", "-", "-H", "0"], "nsec3-salted": ["-3", "0123456789abcdef", "-H", "7"],
         "nsec3-opt-out": ["-3", "ab12", "-H", "1", "-A"]}

# Where NSD or Knot DNS know only the number.
NUMBERS = {"MB": "TYPE7", "MR": "TYPE9", "X25": "TYPE19", "ISDN": "TYPE20", "PX": "TYPE26", "HIP": "TYPE55"}


def reread(name):
    """BIND escapes fewer characters than Knot DNS wants: from its text to labels, and back to ours."""
    labels, label, i = [], b"", 0
    octets = name.encode("ascii")
    while i < len(octets):
        if octets[i:i + 1] == b".":
            labels.append(label)
            label = b""
        elif octets[i:i + 1] == b"\\" and octets[i + 1:i + 2].isdigit():
            label += bytes([int(octets[i + 1:i + 4])])
            i += 3
        else:
            i += octets[i:i + 1] == b"\\"
            label += octets[i:i + 1]
        i += 1
    return escaped(tuple(labels))


def signatures(signed):
    """The lines that the signer made, in words that every server reads."""
    lines = []
    for line in signed.splitlines():
        fields = line.split()
        if len(fields) < 5 or fields[3] not in ("RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY"):
            continue
        fields = [NUMBERS.get(field, field) for field in fields]
        fields[0] = reread(fields[0])
        if fields[3] == "NSEC":
            fields[4] = reread(fields[4])
        lines.append(fields)
    return lines


def run(arguments, directory):
    done = subprocess.run(arguments, cwd=directory, capture_output=True, text=True, timeout=120, check=False)
    return "" if done.returncode == 0 else f"{arguments}: {done.stdout}{done.stderr}"


def sign(directory, name, text, form):
    """The signed zone's text, and the owners of its NSEC3 records."""
    os.makedirs(directory)
    path = os.path.join(directory, "zone")
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    fault = run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", name], directory)
    assert not fault, fault
    key = glob.glob(os.path.join(directory, "K*.key"))[0]
    for options in FORMS[form], FORMS["nsec"]:          # where there is a name of 255 octets it makes no NSEC3
        fault = run(["dnssec-signzone", "-q", "-S", "-z", "-P", "-O", "full", "-o", name,
                     "-f", path + ".signed", *options, path, key], directory)
        if "name too long" not in fault:
            break
    assert not fault, fault
    with open(path + ".signed", encoding="ascii") as f:
        lines = signatures(f.read())
    hashed = [fields[0] for fields in lines if fields[3] == "NSEC3"]
    return text + "".join(" ".join(fields) + "\n" for fields in lines), hashed
