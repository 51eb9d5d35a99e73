"""Random zones that certnsd, NSD, Knot DNS and BIND all load, with everything in them that makes answering hard.

Names are tuples of labels (octets), the first label first; () is the root."""

import base64

ODD = [b"\x00", b"a.b", b"UPPER", b"MiXed", b"\xff\xfe", b"sp ace", b'q"uote', b"back\\slash", b"semi;colon", b"@",
       b"$x", b"*a", b"a*", b"(", b")", b"\t", b"\n", b"-", b"0", b"xn--bcher-kva", b"_tcp", b"l" * 63,
       b"m" * 62 + b"\x7f", b"**", b"[", b"`", b"{", b"A[", b"a\x00", b"\x01"]
OUTSIDE = [(b"www", b"outside", b"invalid"), (b"ns", b"outside", b"invalid"), (b"outside",),
           (b"x",) * 20 + (b"invalid",)]
TTLS = [0, 1, 60, 300, 3600, 3600, 3600, 86400, 2147483647]


def text(name):
    """Presentation format, everything but letters, digits, "-", "_" and "*" escaped."""
    if not name:
        return "."
    return "".join("".join(chr(c) if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "-_*") else f"\\{c:03d}"
                           for c in label) + "." for label in name)


def lower(name):
    return tuple(label.lower() for label in name)


def below(name, ancestor):
    """Equal to or below, letter case ignored."""
    n = len(ancestor)
    return len(name) >= n and lower(name)[len(name) - n:] == lower(ancestor)


def length(name):
    return sum(len(label) + 1 for label in name) + 1


def quoted(octets):
    return '"' + "".join(f"\\{c:03d}" if c < 32 or c > 126 or c in b'"\\' else chr(c) for c in octets) + '"'


def wire(name):
    return b"".join(bytes([len(label)]) + label for label in name) + b"\0"


def generic(octets):
    """Rdata as RFC 3597, section 5, writes it: for what some server has no words for."""
    return f"\\# {len(octets)} {octets.hex()}"


class Zone:
    """One random zone; others: the origins of all zones, as targets."""

    def __init__(self, rng, origin, others):
        self.rng = rng
        self.origin = origin
        self.others = others
        self.records = {}               # lower case name -> (name, {type: (ttl, [rdata])})
        self.more = []                  # further names worth asking for
        self.signing = rng.choice([None, None, None, None, None, None, "nsec", "nsec", "nsec3", "nsec3-salted",
                                   "nsec3-opt-out", "nsec3-opt-out"])
        self.ttls = TTLS[:-1] if self.signing else TTLS         # the signer changes the longest
        self.hashed = []                # owners of NSEC3 records, once it is signed
        self.labels = [rng.choice([b"a", b"b", b"c", b"d", b"www", b"mail", b"x", b"ns1", b"deep"]) for _ in range(5)]
        self.labels += rng.sample(ODD, 4)
        self.make_apex()
        self.make_inside()
        self.make_children()
        if rng.random() < 0.2:
            self.make_large()
        self.remove_what_dnames_hide()

    # --- choices

    def chance(self, p):
        return self.rng.random() < p

    def some(self, low, high):
        return self.rng.randint(low, high)

    def label(self):
        if self.chance(0.07):
            return bytes(self.some(0, 255) for _ in range(self.some(1, 8)))
        return self.rng.choice(self.labels)

    def inside(self, depth=None):
        """A name below the apex, new or old."""
        if self.records and depth is None and self.chance(0.35):
            base = self.rng.choice(list(self.records.values()))[0]
        else:
            base = self.origin
        labels = tuple(self.label() for _ in range(depth or self.rng.choice([1, 1, 1, 2, 2, 3, 4])))
        if self.chance(0.02):
            labels += tuple(b"n" * 63 for _ in range(4))
            while length(labels + base) > 255:
                excess = length(labels + base) - 255
                last = labels[-1]
                labels = labels[:-1] + ((last[:-excess],) if excess < len(last) else ())
        elif self.chance(0.01):                         # as many labels as there can be
            labels = (b"m",) * ((255 - length(base)) // 2 - self.some(0, 3))
        name = labels + base
        return name if length(name) <= 255 else base if len(base) > len(self.origin) else (b"short",) + self.origin

    def owner(self, wildcard=True):
        name = self.inside()
        if wildcard and self.chance(0.18) and length(name) < 254:
            name = (b"*",) + (name[1:] if self.chance(0.5) and len(name) > len(self.origin) + 1 else name)
        return name

    def target(self):
        """What an alias or a name in rdata points to."""
        p = self.rng.random()
        if p < 0.6 and self.records:
            name = self.rng.choice(list(self.records.values()))[0]
        elif p < 0.8:
            name = self.inside()
        elif p < 0.9:
            name = self.rng.choice(OUTSIDE)
        elif p < 0.95:
            name = (b"www",) + self.rng.choice(self.others)
        elif p < 0.97:
            name = self.origin
        elif p < 0.98:
            name = ()
        else:
            name = self.inside()
        if self.chance(0.15) and length(name) < 250:
            name = (self.label()[:3],) + name
        self.more.append(name)
        return name

    # --- rdata

    def rdata(self, rdtype):
        r, some = self.rng, self.some
        octets = lambda low, high: bytes(some(0, 255) for _ in range(some(low, high)))
        hexa = lambda low, high: octets(low, high).hex()
        b64 = lambda low, high: base64.b64encode(octets(low, high)).decode()
        name = lambda: text(self.target())
        # On loopback, all of them: certnsd sends NOTIFY to the name servers of its zones.
        address = lambda: f"127.{some(0, 255)}.{some(0, 255)}.{some(1, 254)}"
        address6 = lambda: f"::ffff:127.{some(0, 255)}.{some(0, 255)}.{some(1, 254)}"
        alnum = lambda: "".join(r.choice("abcxyz019") for _ in range(some(1, 12)))
        make = {
            "A": address,
            "AAAA": address6,
            "NS": name,
            "CNAME": name,
            "PTR": name,
            "DNAME": name,
            "TYPE7": lambda: generic(wire(self.target())),                          # MB
            "TYPE9": lambda: generic(wire(self.target())),                          # MR
            "TYPE26": lambda: generic(b"\0\5" + wire(self.target()) + wire(self.target())),      # PX
            "TYPE19": lambda: generic(b"\x0b31105060845"),                          # X25
            "TYPE20": lambda: generic(b"\x0f150862028003217\x03004"),               # ISDN
            "MX": lambda: f"{some(0, 65535)} {name()}",
            "TXT": lambda: " ".join(quoted(octets(0, r.choice([5, 20, 255]))) for _ in range(some(1, 4))),
            "SPF": lambda: quoted(octets(0, 30)),
            "SRV": lambda: f"{some(0, 9)} {some(0, 9)} {some(0, 65535)} {name()}",
            "NAPTR": lambda: (f"{some(0, 9)} {some(0, 9)} \"u\" \"E2U+sip\" "
                              f"{quoted(b'!^.*$!sip:' + alnum().encode() + b'!')} {name()}"),
            "CAA": lambda: f"{r.choice([0, 128])} issue {quoted(alnum().encode())}",
            "TLSA": lambda: f"{some(0, 3)} {some(0, 1)} 1 {hexa(32, 32)}",
            "SMIMEA": lambda: f"{some(0, 3)} {some(0, 1)} 1 {hexa(32, 32)}",
            "SSHFP": lambda: f"{some(1, 4)} 1 {hexa(20, 20)}",
            "HINFO": lambda: f"{quoted(octets(0, 10))} {quoted(octets(0, 10))}",
            "MINFO": lambda: f"{name()} {name()}",
            "RP": lambda: f"{name()} {name()}",
            "AFSDB": lambda: f"{some(1, 2)} {name()}",
            "RT": lambda: f"{some(1, 2)} {name()}",
            "KX": lambda: f"{some(0, 9)} {name()}",
            "LP": lambda: f"{some(0, 9)} {name()}",
            "DS": lambda: f"{some(0, 65535)} 8 2 {hexa(32, 32)}",
            "CERT": lambda: f"1 {some(0, 65535)} 8 {b64(1, 60)}",
            "LOC": lambda: (f"{some(0, 89)} {some(0, 59)} {some(0, 59)}.{some(0, 999):03d} N "
                            f"{some(0, 179)} 0 0.000 E 10m"),
            "SVCB": lambda: f"{r.choice([0, 1])} {name()}",
            "HTTPS": lambda: f"{some(1, 9)} {name()} alpn=h2 port={some(1, 65535)} ipv4hint={address()}",
            "URI": lambda: f"{some(0, 9)} {some(0, 9)} {quoted(b'https://' + alnum().encode())}",
            "OPENPGPKEY": lambda: b64(1, 90),
            "EUI48": lambda: "-".join(f"{some(0, 255):02x}" for _ in range(6)),
            "EUI64": lambda: "-".join(f"{some(0, 255):02x}" for _ in range(8)),
            "NID": lambda: f"{some(0, 9)} {some(0, 65535):04x}:0000:0001:ffff",
            "L32": lambda: f"{some(0, 9)} {address()}",
            "L64": lambda: f"{some(0, 9)} 2001:0db8:{some(0, 65535):04x}:0001",
            "APL": lambda: f"1:{address()}/{some(0, 32)} !2:{address6()}/{some(0, 128)}",
            "IPSECKEY": lambda: f"{some(0, 9)} 1 2 {address()} {b64(3, 60)}",
            "DHCID": lambda: b64(35, 35),
            "TYPE55": lambda: generic(b"\x10\2\0\x14" + octets(36, 36) + wire(self.target())),    # HIP
            "CSYNC": lambda: f"{some(0, 9)} 3 A NS AAAA",
            "TYPE999": lambda: generic(octets(0, 40)),
            "TYPE65280": lambda: generic(octets(1, 400)),
        }
        return make[rdtype]()

    COMMON = ["A", "A", "A", "AAAA", "AAAA", "MX", "TXT", "SRV", "PTR", "TLSA", "HTTPS", "NAPTR", "CAA"]
    RARE = ["SPF", "SMIMEA", "SSHFP", "HINFO", "MINFO", "RP", "AFSDB", "RT", "KX", "LP", "CERT", "LOC", "SVCB", "URI",
            "OPENPGPKEY", "EUI48", "EUI64", "NID", "L32", "L64", "APL", "IPSECKEY", "DHCID", "TYPE55", "CSYNC", "TYPE7",
            "TYPE9", "TYPE19", "TYPE20", "TYPE26", "TYPE999", "TYPE65280"]
    ONE = {"CNAME", "DNAME", "SOA", "OPENPGPKEY", "CSYNC"}

    def add(self, name, rdtype, count=None, rdata=None):
        name, sets = self.records.get(lower(name), (name, {}))
        if "CNAME" in sets or (rdtype == "CNAME" and sets) or rdtype in sets:
            return
        if {rdtype, *sets} >= {"NS", "DNAME"} and lower(name) != lower(self.origin):
            return                                      # RFC 6672, section 2.3
        if rdtype == "DS" and lower(name) == lower(self.origin):
            return                                      # belongs to the other side of the cut
        if count is None:
            count = 1 if rdtype in self.ONE else self.rng.choice([1, 1, 1, 2, 3, 5])
        # A set: what is equal but for letter case counts once with some servers and twice with others.
        values = rdata or {one.lower(): one for one in (self.rdata(rdtype) for _ in range(count))}.values()
        self.records[lower(name)] = name, sets
        sets[rdtype] = (self.rng.choice(self.ttls), sorted(values))

    # --- what is in the zone

    def make_apex(self):
        serial, minimum = self.some(1, 4294967295), self.rng.choice(self.ttls)
        self.add(self.origin, "SOA", rdata=[f"{text((b'ns',) + self.origin)} {text((b'host.master',) + self.origin)} "
                                            f"{serial} 7200 3600 1209600 {minimum}"])
        self.dname_apex = self.chance(0.06) and not self.has_zone_below(self.origin)
        servers = []
        for i in range(self.some(1, 4)):
            if self.dname_apex or (self.origin and self.chance(0.3)):
                servers.append(self.rng.choice(OUTSIDE[:2]))
                continue
            server = (b"ns%d" % i,) + self.origin
            servers.append(server)
            self.add(server, "A", self.some(1, 3))
            if self.chance(0.7):
                self.add(server, "AAAA", self.some(1, 2))
        self.add(self.origin, "NS", rdata=[text(server) for server in dict.fromkeys(servers)])
        if self.dname_apex:
            self.add(self.origin, "DNAME")
        for _ in range(self.some(0, 4)):
            self.add(self.origin, self.rng.choice(self.COMMON + self.RARE))

    def make_inside(self):
        for _ in range(self.some(5, 40)):
            p = self.rng.random()
            if p < 0.15:
                self.make_delegation()
            elif p < 0.35:
                self.add(self.owner(), "CNAME")
            elif p < 0.42:
                self.make_dname()
            elif p < 0.45:
                self.make_chain()
            else:
                owner = self.owner()
                for _ in range(self.some(1, 4)):
                    self.add(owner, self.rng.choice(self.COMMON if self.chance(0.7) else self.RARE))

    def make_delegation(self):
        cut = self.owner(wildcard=False)
        sets = self.records.get(lower(cut), (cut, {}))[1]
        if lower(cut) == lower(self.origin) or "DNAME" in sets or cut[0] == b"*" or length(cut) > 200:
            return
        servers = []
        for _ in range(self.some(1, 4)):
            p = self.rng.random()
            if p < 0.5:
                server = (self.rng.choice([b"ns", b"NS1", b"a"]),) + cut
            elif p < 0.6:
                server = cut
            else:
                server = self.target()
            servers.append(server)
            if below(server, cut) and self.chance(0.85):
                self.add(server, "A", self.some(1, 3))
                if self.chance(0.5):
                    self.add(server, "AAAA", self.some(1, 3))
        self.add(cut, "NS", rdata=list({text(s).lower(): text(s) for s in servers}.values()))
        if self.chance(0.3) and not lower(cut)[0].startswith(b"ns"):    # BIND mistakes some of these for the apex
            self.add(cut, "DS")
        if self.chance(0.2):                            # hidden by the cut
            self.add(cut, self.rng.choice(["TXT", "A", "MX"]))
        if self.chance(0.3):
            hidden = (b"*" if self.chance(0.2) else self.label()[:20],) + cut
            self.add(hidden, self.rng.choice(["TXT", "CNAME", "A", "A", "NS"]) if hidden[0] != b"*" else "A")
        if self.chance(0.1):                            # a cut below the cut, with glue
            hidden = (b"ns", self.label()[:20]) + cut
            self.add(hidden[1:], "NS", rdata=[text(hidden)])
            self.add(hidden, "A", self.some(1, 3))

    def make_children(self):
        """Delegations to other zones of the same servers, most of them."""
        for other in self.others:
            if below(other, self.origin) and other != self.origin and self.chance(0.7):
                self.remove(other)
                self.add(other, "NS", rdata=[text((b"ns0",) + other), text(self.rng.choice(OUTSIDE[:2]))])
                if self.chance(0.5) and not lower(other)[0].startswith(b"ns"):
                    self.add(other, "DS")

    def make_dname(self):
        owner = self.owner(wildcard=False)
        sets = self.records.get(lower(owner), (owner, {}))[1]
        if "NS" in sets or owner[0] == b"*" or self.has_zone_below(owner):
            return
        target = None
        if self.chance(0.05):                           # grows with every step
            target = [text((b"longer",) + owner)] if length(owner) < 240 else None
        self.add(owner, "DNAME", rdata=target)
        for _ in range(3):
            self.more.append((self.label()[:10],) + owner if length(owner) < 240 else owner)
        if self.chance(0.5):
            self.add(owner, self.rng.choice(self.COMMON))

    def has_zone_below(self, owner):
        """NSD takes no DNAME above another one of its zones."""
        return any(below(other, owner) for other in self.others if lower(other) != lower(self.origin))

    def has_dname(self):
        return any("DNAME" in sets for _, sets in self.records.values())

    def has_dname_below(self, origin):
        return any("DNAME" in sets and below(name, origin) for name, sets in self.records.values())

    def make_chain(self):
        names = [(b"chain%d" % self.some(0, 99),) + self.origin for _ in range(self.some(2, 7))]
        for one, other in zip(names, names[1:]):
            self.add(one, "CNAME", rdata=[text(other)])
        if self.chance(0.5):
            self.add(names[-1], "A")

    def make_large(self):
        owner = self.owner()
        p = self.rng.random()
        if p < 0.4:
            self.add(owner, self.rng.choice(["A", "AAAA", "MX", "SRV"]), self.some(20, 120))
        elif p < 0.9:
            self.add(owner, "TXT",
                     rdata=[quoted(b"%04d" % i + b"t" * self.some(10, 250)) for i in range(self.some(5, 60))])
        else:
            self.add(owner, "TXT", rdata=[quoted(b"%04d" % i + b"t" * 240) for i in range(200)])

    def remove_what_dnames_hide(self):
        """Below a DNAME there is nothing (RFC 6672, section 2.4): servers do not load it."""
        owners = [key for key, (_, sets) in self.records.items() if "DNAME" in sets and "CNAME" not in sets]
        for owner in owners:
            self.remove_below(owner)

    def remove(self, owner):
        self.records.pop(lower(owner), None)

    def remove_below(self, owner):
        for key in list(self.records):
            if key != owner and below(key, owner):
                del self.records[key]
                self.more.append(key)

    # --- out

    def zone_text(self):
        lines = []
        for name, sets in self.records.values():
            for rdtype, (ttl, values) in sets.items():
                lines += [f"{text(name)}\t{ttl}\tIN\t{rdtype}\t{value}\n" for value in values]
        return "".join(lines)

    def subjects(self):
        """Lines for the compare program: the names, with their types."""
        seen = {}
        for name, sets in self.records.values():
            seen[lower(name)] = (name, list(sets))
            for n in range(1, len(name) - len(self.origin)):
                seen.setdefault(lower(name[n:]), (name[n:], []))
        for name in self.more:
            seen.setdefault(lower(name), (name, []))
        return "".join(f"N {text(name)} {' '.join(types[:30])}\n" for name, types in seen.values())


def origins(rng, count):
    """Some stand alone, some lie below others."""
    names = []
    for i in range(count):
        if names and rng.random() < 0.25:
            parent = rng.choice(names)
            names.append((rng.choice([b"a", b"b", b"sub", b"www"]),) + parent)
        else:
            names.append((b"zone%d" % i, rng.choice([b"example", b"test"])))
    return [name for name in dict.fromkeys(names) if len(name) < 6]


def make(rng, count, root=False):
    """So many zones; root: the root zone too, and all others are below it."""
    names = origins(rng, count) + ([()] if root else [])
    zones = [Zone(rng, name, names) for name in names]
    # NSD keeps the names of all its zones in one tree, and so what one has below the apex of another shows there: few
    # zones have such names, and none where a DNAME would seem to have names below it.
    for zone in zones:
        for other in zones:
            if not below(other.origin, zone.origin) or other == zone:
                continue
            if other.has_dname() or rng.random() < 0.7 or zone.has_dname_below(other.origin):
                zone.remove_below(lower(other.origin))
    return zones
