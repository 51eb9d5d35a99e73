"""What the documents say and what the programs know are the same: options, commands, metrics, examples."""

import os
import re

import pytest

from lib.certnsd import program
from lib.process import run

pytestmark = pytest.mark.once

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
GUIDES = os.path.join(TOP, "docs/guide")


def read(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as f:
        return f.read()


def manual(name):
    return read("docs", name).replace("\\-", "-").replace("\\&", "")


def options():
    """Of all sections of certns.yaml."""
    for name in sorted(os.listdir(os.path.join(TOP, "server"))):
        if re.fullmatch(r"config_\w+\.c", name):
            for key in re.findall(r'^\t\{ "([a-z-]+)", OPTION_', read("server", name), re.M):
                yield key


def test_every_option_of_the_configuration_is_in_its_manual():
    items = " ".join(line for line in manual("certns.yaml.5").splitlines() if line.startswith((".It", ".Sh", ".Cm")))
    missing = {key for key in options() if not re.search(rf"(Cm |SERVER|GIT|ZONES|KEYS|ACME){key}\b|\bSh {key.upper()}\b", items)}
    assert len(set(options())) > 100 and not missing, missing


def test_every_option_is_in_the_example_or_is_said_to_be_for_few():
    example = read("docs/examples/certns.yaml")
    few = {"hmac", "secret", "cookie-secrets",          # their kin with -file are there
           *(f"{what}-{end}-interval" for what in ("refresh", "retry", "expire") for end in ("min", "max"))}
    missing = {key for key in options() if not re.search(rf"\b{key}:", example)} - few
    assert not missing, missing


def test_commands():
    usage = run([program("tools/certnsctl"), "-h"]).stdout
    told = re.findall(r"^  ([a-z][a-z-]+) ", usage, re.M)
    described = set(re.findall(r"^\.It Cm ([a-z-]+)", manual("certnsctl.8"), re.M))
    assert len(told) >= 20 and set(told) == described


@pytest.mark.parametrize("name, section", [("server/certnsd", "certnsd.8"), ("tools/certnsctl", "certnsctl.8"),
                                           ("tools/certns-fetch", "certns-fetch.1"), ("tools/certns-notify", "certns-notify.1"),
                                           ("tools/certns-checkzone", "certns-checkzone.1")])
def test_options_of_programs(name, section):
    told = set(re.findall(r"--[a-z][a-z-]+", run([program(name), "-h"]).stdout)) - {"--force", "--yes"}
    described = manual(section)
    missing = {one for one in told if not re.search(rf"^\.It .*Fl {one[1:]}\b", described, re.M)}
    assert not missing, missing


def test_metrics():
    known = set()
    for name in os.listdir(os.path.join(TOP, "server")):
        if name.startswith("metrics") and name.endswith(".c"):
            known |= set(re.findall(r"certns_[a-z_]+", read("server", name)))
    described = set(re.findall(r"certns_[a-z_]+", "\n".join(re.findall(r"^\.It Li .*", manual("certnsctl.8"), re.M))))
    assert len(known) > 20 and known == described


def test_every_guide_is_installed_and_in_the_table_of_contents():
    guides = {name for name in os.listdir(GUIDES) if name.endswith(".md")}
    listed = set(re.findall(r"docs/guide/([a-z-]+\.md)", read("docs/local.mk")))
    assert guides == listed
    assert guides <= set(re.findall(r"[a-z-]+\.md", read("README.md")))


def test_no_guide_names_a_file_that_is_not_there():
    for name in os.listdir(GUIDES):
        for other in re.findall(r"\b([a-z-]+\.md)\b", read("docs/guide", name)):
            assert os.path.exists(os.path.join(GUIDES, other)), f"{name} names {other}"


def configurations():
    """Pieces of certns.yaml in README and guides: indented, and beginning with a section."""
    for path in ["README.md", *sorted(os.path.join("docs/guide", name) for name in os.listdir(GUIDES))]:
        lines = []
        for line in [*read(path).splitlines(), "end"]:
            if line.startswith("    ") or (line == "" and lines):
                lines.append(line[4:])
                continue
            text = "\n".join(lines)
            first = next((one for one in lines if one.strip() and not one.startswith("#")), "")
            if re.match(r"(server|git|zones|zone-defaults|keys|acme):", first):
                yield pytest.param(text, id=f"{os.path.basename(path)}: {first}")
            lines = []


@pytest.mark.parametrize("text", configurations())
def test_what_guides_write_into_certns_yaml(text, tmp_path):
    """Files that are named are not there, and users: then the rest of it has not been looked at."""
    text = re.sub(r"^( *)user: .*\n", "", text, flags=re.M)
    for i, path in enumerate(re.findall(r"[a-z-]+: (/(?:etc/certns|var/lib)/\S+)", text)):
        (tmp_path / str(i)).write_text("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0")
        (tmp_path / str(i)).chmod(0o600)
        text = text.replace(path, str(tmp_path / str(i)))
    config = tmp_path / "certns.yaml"
    config.write_text(f"{text}\n")
    done = run([program("server/certnsd"), "-t", "-c", config], check=False)
    assert done.returncode == 0 or re.search(rf"{tmp_path}/\d", done.stderr), f"{done.stderr}\n{text}"
