#include "wire/rrtype.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* In the order of their numbers. */
static const struct rrtype_info types[] = {
	{ 1, "A", "a" },		{ 2, "NS", "N" },		{ 3, "MD", "N" },
	{ 4, "MF", "N" },		{ 5, "CNAME", "N" },		{ 6, "SOA", "NN44444" },
	{ 7, "MB", "N" },		{ 8, "MG", "N" },		{ 9, "MR", "N" },
	{ 10, "NULL", "b" },		{ 11, "WKS", "a1b" },		{ 12, "PTR", "N" },
	{ 13, "HINFO", "ss" },		{ 14, "MINFO", "NN" },		{ 15, "MX", "2N" },
	{ 16, "TXT", "S" },		{ 17, "RP", "nn" },		{ 18, "AFSDB", "2n" },
	{ 19, "X25", "s" },		{ 20, "ISDN", "S" },		{ 21, "RT", "2n" },
	{ 22, "NSAP", "B" },		{ 23, "NSAP-PTR", "n" },	{ 24, "SIG", "2114442nB" },
	{ 25, "KEY", "211b" },		{ 26, "PX", "2nn" },		{ 27, "GPOS", "sss" },
	{ 28, "AAAA", "A" },		{ 29, "LOC", "1111444" },	{ 30, "NXT", "nB" },
	{ 31, "EID", "B" },		{ 32, "NIMLOC", "B" },		{ 33, "SRV", "222n" },
	{ 34, "ATMA", "1B" },		{ 35, "NAPTR", "22sssn" },	{ 36, "KX", "2n" },
	{ 37, "CERT", "221B" },		{ 38, "A6", "6" },		{ 39, "DNAME", "n" },
	{ 40, "SINK", "1b" },		{ 41, "OPT", "b" },		{ 42, "APL", "l" },
	{ 43, "DS", "211B" },		{ 44, "SSHFP", "11B" },		{ 45, "IPSECKEY", "g" },
	{ 46, "RRSIG", "2114442nB" },	{ 47, "NSEC", "nt" },		{ 48, "DNSKEY", "211B" },
	{ 49, "DHCID", "B" },		{ 50, "NSEC3", "112hht" },	{ 51, "NSEC3PARAM", "112h" },
	{ 52, "TLSA", "111B" },		{ 53, "SMIMEA", "111B" },	{ 55, "HIP", "p" },
	{ 56, "NINFO", "S" },		{ 57, "RKEY", "211B" },		{ 58, "TALINK", "nn" },
	{ 59, "CDS", "211B" },		{ 60, "CDNSKEY", "211B" },	{ 61, "OPENPGPKEY", "B" },
	{ 62, "CSYNC", "42t" },		{ 63, "ZONEMD", "411B" },	{ 64, "SVCB", "2nv" },
	{ 65, "HTTPS", "2nv" },		{ 66, "DSYNC", "212n" },	{ 67, "HHIT", "B" },
	{ 68, "BRID", "B" },		{ 99, "SPF", "S" },		{ 100, "UINFO", "b" },
	{ 101, "UID", "b" },		{ 102, "GID", "b" },
	{ 103, "UNSPEC", "b" },		{ 104, "NID", "28" },		{ 105, "L32", "2a" },
	{ 106, "L64", "28" },		{ 107, "LP", "2n" },		{ 108, "EUI48", "24" },
	{ 109, "EUI64", "8" },		{ 249, "TKEY", "n4422b" },	{ 250, "TSIG", "b" },
	{ 251, "IXFR", "" },		{ 252, "AXFR", "" },		{ 253, "MAILB", "" },
	{ 254, "MAILA", "" },		{ 255, "ANY", "" },		{ 256, "URI", "22b" },
	{ 257, "CAA", "1sb" },		{ 258, "AVC", "S" },		{ 259, "DOA", "441sb" },
	{ 260, "AMTRELAY", "r" },	{ 261, "RESINFO", "S" },	{ 262, "WALLET", "S" },
	{ 32768, "TA", "211B" },	{ 32769, "DLV", "211B" },	{ 65533, "KEYDATA", "b" }
};

#define NTYPES (sizeof types / sizeof types[0])

const struct rrtype_info *
rrtype_by_index(size_t i)
{
	return i < NTYPES ? &types[i] : NULL;
}

const struct rrtype_info *
rrtype_info(uint16_t type)
{
	size_t low = 0, high = NTYPES;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (types[middle].type == type)
			return &types[middle];
		if (types[middle].type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool
rrtype_parse(const char *text, size_t n, uint16_t *out)
{
	uint32_t v = 0;

	for (size_t i = 0; i < NTYPES && n > 0; i++) {
		const char *mnemonic = types[i].mnemonic;

		if ((mnemonic[0] | 0x20) == (text[0] | 0x20) && strncasecmp(mnemonic, text, n) == 0 &&
		    mnemonic[n] == '\0') {
			*out = types[i].type;
			return true;
		}
	}
	if (n < 5 || n > 9 || strncasecmp(text, "TYPE", 4) != 0)
		return false;
	for (size_t i = 4; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(text[i] - '0');
	}
	*out = (uint16_t)v;
	return v <= UINT16_MAX;
}

char *
rrtype_print(uint16_t type, char text[RRTYPE_TEXT_MAX])
{
	const struct rrtype_info *info = rrtype_info(type);

	if (info != NULL)
		snprintf(text, RRTYPE_TEXT_MAX, "%s", info->mnemonic);
	else
		snprintf(text, RRTYPE_TEXT_MAX, "TYPE%u", type);
	return text;
}

bool
rrtype_is_dnssec_meta(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_SIG || type == TYPE_KEY ||
	    type == TYPE_NXT;
}
