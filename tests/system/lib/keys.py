"""TSIG keys, as the key files in git, nsupdate, dig and dnspython want them."""

import base64
import hashlib
import hmac
import os
import struct
import time

import dns.name
import dns.tsig
import dns.tsigkeyring

NUMBERS = {"hmac-md5": 157, "hmac-sha1": 161, "hmac-sha224": 162, "hmac-sha256": 163, "hmac-sha384": 164,
           "hmac-sha512": 165}
ALGORITHMS = list(NUMBERS)


class Key:
    """A key with a random secret, unless one is given (in base64)."""

    def __init__(self, name, algorithm="hmac-sha256", secret=None):
        self.name = name.rstrip(".")
        self.algorithm = algorithm
        self.secret = secret or base64.b64encode(os.urandom(32)).decode()

    def dnskey(self):
        """The line for a _keys file."""
        return f"{self.name}.\tDNSKEY\t0 3 {NUMBERS[self.algorithm]} {self.secret}\n"

    def y(self):
        """The argument of dig -y and nsupdate -y."""
        return f"{self.algorithm}:{self.name}:{self.secret}"

    def dnspython(self):
        algorithm = {"hmac-md5": dns.tsig.HMAC_MD5}.get(self.algorithm, dns.name.from_text(self.algorithm))
        return dns.tsig.Key(dns.name.from_text(self.name), base64.b64decode(self.secret), algorithm)

    def named(self):
        """The clause for named.conf, and for nsupdate -k."""
        return f'key "{self.name}" {{ algorithm {self.algorithm}; secret "{self.secret}"; }};\n'

    def sign(self, wire, when=None, fudge=300):
        """Octets that dnspython would not write, with a TSIG record behind them (RFC 8945, section 4.3)."""
        key = self.dnspython()
        name, algorithm = key.name.canonicalize().to_wire(), key.algorithm.canonicalize().to_wire()
        when = struct.pack("!HI", 0, int(time.time() if when is None else when))
        variables = name + struct.pack("!HI", 255, 0) + algorithm + when + struct.pack("!HHH", fudge, 0, 0)
        digest = getattr(hashlib, self.algorithm.split("-")[1])
        mac = hmac.new(key.secret, wire + variables, digest).digest()
        rdata = algorithm + when + struct.pack("!HH", fudge, len(mac)) + mac + wire[:2] + struct.pack("!HH", 0, 0)
        additional = struct.unpack("!H", wire[10:12])[0] + 1
        return (wire[:10] + struct.pack("!H", additional) + wire[12:] + name +
                struct.pack("!HHIH", 250, 255, 0, len(rdata)) + rdata)
