/* Signatures by SSH keys and who may make them, with ssh-keygen as the oracle: whatever it accepts of a row we accept,
 * and the other way round, but for rows that say why not. */
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/encoding.h"
#include "base/file.h"
#include "tests/unit/zones/git_place.h"
#include "zones/signers.h"
#include "zones/sshsig.h"

#define MESSAGE "tree and so on\n"
#define NOW 1700000000			/* 2023-11-14T22:13:20Z; in the time zone of this test 03:13:20 of the 15th */

static void
slurp(const char *name, struct buf *out)
{
	char path[PATH_MAX + 64];
	struct fault f = { 0 };

	snprintf(path, sizeof path, "%s/%s", place, name);
	check(file_read(path, 1 << 20, out, &f) == ERR_OK, "%s is read: %s", name, f.text);
}

static void
keys_make(void)
{
	sh("printf '" MESSAGE "' >message");
	sh("for t in ed25519 ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048 rsa:3072 rsa:1024 dsa; do "
	    "n=$(echo $t | tr -d :); b=${t#*:}; test $b != $t || b=; "
	    "ssh-keygen -q -t ${t%%:*} ${b:+-b $b} -N '' -C $n -f $n; done");
	sh("ssh-keygen -q -t ed25519 -N '' -f ca; ssh-keygen -q -t rsa -b 2048 -N '' -f rsaca; "
	    "ssh-keygen -q -t ecdsa -N '' -f otherca");
	sh("cert() { f=$1; shift; cp ed25519 $f; cp ed25519.pub $f.pub; ssh-keygen -q \"$@\" $f.pub; }; "
	    "cert good -s ca -I id-good -n me@a.org,other -z 7 -V 20200101Z:20300101Z; "
	    "cert byrsa -s rsaca -I id-byrsa -n me@a.org -V 20200101Z:20300101Z; "
	    "cert late -s ca -I late -n me@a.org -V 20200101Z:20230101Z; "
	    "cert early -s ca -I early -n me@a.org -V 20250101Z:20300101Z; "
	    "cert nobody -s ca -I nobody -V 20200101Z:20300101Z; "
	    "cert host -s ca -h -I host -n me@a.org -V 20200101Z:20300101Z; "
	    "cert bounded -s ca -I bounded -n me@a.org -O force-command=true -V 20200101Z:20300101Z; "
	    "cert foreign -s otherca -I foreign -n me@a.org -V 20200101Z:20300101Z; "
	    "cp ecdsa256 eccert; cp ecdsa256.pub eccert.pub; ssh-keygen -q -s ca -I e -n me@a.org -z 9 -V "
	    "20200101Z:20300101Z eccert.pub; "
	    "cp rsa2048 rsacert; cp rsa2048.pub rsacert.pub; ssh-keygen -q -s ca -I r -n me@a.org -V "
	    "20200101Z:20300101Z rsacert.pub");
}

/* --- the question, asked of both --- */

/* As git does it: the principals of the key first, then the signature with each of them. */
static bool
oracle(bool revoked)
{
	return try_sh("export TZ=XXX-5; t=20231115031320; s=sig.sig; set -f; "
	    "for p in $(ssh-keygen -Y find-principals -f allowed -s $s -Overify-time=$t); do "
	    "ssh-keygen -Y verify -n git -f allowed -I \"$p\" -s $s -Overify-time=$t %s <message && exit 0; done; "
	    "exit 1",
	    revoked ? "-r revoked" : "") == 0;
}

static enum err
ours(bool revoked, struct fault *f)
{
	char allowed[PATH_MAX + 16], revoked_path[PATH_MAX + 16];
	struct signers *signers = NULL;
	struct buf text = { 0 };
	struct sshsig sig = { 0 };
	enum err err;

	snprintf(allowed, sizeof allowed, "%s/allowed", place);
	snprintf(revoked_path, sizeof revoked_path, "%s/revoked", place);
	slurp("sig.sig", &text);
	if ((err = signers_load(allowed, revoked ? revoked_path : NULL, &signers, f)) == ERR_OK &&
	    (err = sshsig_parse((const char *)text.p, text.len, &sig, f)) == ERR_OK &&
	    (err = sshsig_verify(&sig, "git", MESSAGE, strlen(MESSAGE), f)) == ERR_OK)
		err = signers_check(signers, sig.key, "git", NOW, f);
	sshsig_clear(&sig);
	signers_unref(signers);
	buf_clear(&text);
	return err;
}

static void
ask(const char *why, bool revoked, bool oracle_differs, const char *words)
{
	struct fault f = { 0 };
	enum err err = ours(revoked, &f);

	if (words == NULL)
		check(err == ERR_OK, "%s: accepted: %s", why, fault_str(&f, err));
	else
		check(err != ERR_OK && strstr(f.text, words) != NULL, "%s: wanted \"%s\", got \"%s\"", why, words,
		    fault_str(&f, err));
	check(oracle(revoked) == ((err == ERR_OK) != oracle_differs), "%s: ssh-keygen thinks so too", why);
}

#define KEY "$(cut -d' ' -f1,2 %s.pub)"

static const struct {
	const char *why, *key;
	const char *line;		/* @ stands for the key's type and base64, CA for the authority's */
	const char *words;		/* NULL: accepted */
	bool differs;			/* ssh-keygen does not mind */
} listed[] = {
	{ "an ed25519 key", "ed25519", "me@a.org @", NULL, false },
	{ "ecdsa on P-256", "ecdsa256", "me@a.org @", NULL, false },
	{ "ecdsa on P-384", "ecdsa384", "me@a.org @", NULL, false },
	{ "ecdsa on P-521", "ecdsa521", "me@a.org @", NULL, false },
	{ "RSA with 2048 bits", "rsa2048", "me@a.org @", NULL, false },
	{ "RSA with 3072 bits", "rsa3072", "me@a.org @ and a comment", NULL, false },
	{ "RSA with 1024 bits", "rsa1024", "me@a.org @", "1024 bits", true },
	{ "DSA", "dsa", "me@a.org @", "ssh-dss", true },
	{ "another's key", "ecdsa256", "me@a.org $(cut -d' ' -f1,2 ed25519.pub)", "is unknown", false },
	{ "comments, blanks and empty lines", "ed25519", "# who\n\n \t\n  me@a.org   @\t# his\r\n#", NULL, false },
	{ "several principals", "ed25519", "a,b*,c?@x @", NULL, false },
	{ "principals in quotes", "ed25519", "\\\"me@a.org,x\\\" @", NULL, false },
	{ "the name space", "ed25519", "me@a.org namespaces=\\\"git\\\" @", NULL, false },
	{ "among others, by a pattern", "ed25519", "me@a.org namespaces=\\\"file,g*\\\" @", NULL, false },
	{ "another name space", "ed25519", "me@a.org namespaces=\\\"file,mail\\\" @", "not for 'git'", false },
	{ "all but git", "ed25519", "me@a.org namespaces=\\\"*,!git\\\" @", "not for 'git'", false },
	{ "options in capitals", "ed25519", "me@a.org NameSpaces=\\\"git\\\" @", NULL, false },
	{ "a day that was yet to come", "ed25519", "me@a.org valid-after=\\\"20231116\\\" @",
	    "not yet valid then: valid after "
	    "2023-11-15T19:00:00Z", false },
	{ "a day that had begun", "ed25519", "me@a.org valid-after=\\\"20231115\\\" @", NULL, false },
	{ "but not in Greenwich", "ed25519", "me@a.org valid-after=\\\"20231115Z\\\" @", "not yet valid", false },
	{ "a minute", "ed25519", "me@a.org valid-after=\\\"202311150313\\\" @", NULL, false },
	{ "the very second", "ed25519", "me@a.org valid-after=\\\"20231115031320\\\" @", NULL, false },
	{ "the next second", "ed25519", "me@a.org valid-after=\\\"20231115031321\\\" @", "not yet valid", false },
	{ "the very second in Greenwich", "ed25519", "me@a.org valid-before=\\\"20231114221320Z\\\" @", NULL, false },
	{ "a second before", "ed25519", "me@a.org valid-before=\\\"20231114221319Z\\\" @",
	    "had expired then: valid before "
	    "2023-11-14T22:13:19Z", false },
	{ "UTC in letters", "ed25519", "me@a.org valid-before=\\\"20231114221319UTC\\\" @", "had expired", false },
	{ "between two times", "ed25519", "me@a.org valid-after=\\\"20200101\\\",valid-before=\\\"20300101Z\\\" @",
	    NULL, false },
	{ "listed twice, once too early", "ed25519", "me@a.org valid-before=\\\"20200101\\\" @\nme@a.org @", NULL,
	    false },
	{ "an authority is no signer itself", "ed25519", "me@a.org cert-authority @", "is unknown", false },
	{ "a certificate", "good", "me@a.org cert-authority CA", NULL, false },
	{ "one with an ecdsa key", "eccert", "me@a.org cert-authority CA", NULL, false },
	{ "one with an RSA key", "rsacert", "me@a.org cert-authority CA", NULL, false },
	{ "one by an RSA authority", "byrsa", "me@a.org cert-authority $(cut -d' ' -f1,2 rsaca.pub)", NULL, false },
	{ "its second principal", "good", "other cert-authority CA", NULL, false },
	{ "a pattern for it", "good", "*@a.org cert-authority CA", NULL, false },
	{ "no principal of the line", "good", "*@b.org cert-authority CA", "none of the principals", false },
	{ "one that is excluded", "good", "*@a.org,!me@a.org cert-authority CA", "none of the principals", false },
	{ "a certificate, and the line is late", "good", "*@a.org cert-authority,valid-before=\\\"20210101\\\" CA",
	    "had expired", false },
	{ "a certificate that is late", "late", "me@a.org cert-authority CA", "certificate that had expired", false },
	{ "a certificate that is early", "early", "me@a.org cert-authority CA", "certificate that was not yet valid",
	    false },
	{ "a certificate for nobody", "nobody", "me@a.org cert-authority CA", "none of the principals", false },
	{ "a certificate for a host", "host", "me@a.org cert-authority CA", "for a host", false },
	{ "a certificate with critical options", "bounded", "me@a.org cert-authority CA", "critical options", true },
	{ "a certificate by another authority", "foreign", "me@a.org cert-authority CA",
	    "with a certificate by SHA256:", false },
	{ "a certificate, and the authority without its option", "good", "me@a.org CA", "is unknown", false },
	{ "a certificate, and its key listed plainly", "good", "me@a.org @", "is unknown", false },
};

/* The line, with the shell's help. */
static void
allowed_write(const char *key, const char *line)
{
	struct buf b = { 0 };

	for (const char *p = line; *p != '\0'; p++) {
		if (*p == '@' && (p == line || p[-1] == ' '))
			buf_printf(&b, KEY, key);
		else if (strcmp(p, "CA") == 0)
			buf_printf(&b, KEY, "ca"), p++;
		else
			buf_u8(&b, (uint8_t)*p);
	}
	sh("printf '%%s\\n' \"%s\" >allowed", buf_str(&b));
	buf_clear(&b);
}

/* Signed by the certificate where there is one. */
static void
sign(const char *key, const char *options)
{
	sh("rm -f sig sig.sig; cp message sig; k=%s; test ! -e $k-cert.pub || k=$k-cert.pub; ssh-keygen -q -Y sign "
	    "%s -f $k sig", key,
	    options);
}

static void
test_who_may_sign(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
		sign(listed[i].key, "-n git");
		allowed_write(listed[i].key, listed[i].line);
		ask(listed[i].why, false, listed[i].differs, listed[i].words);
	}
	sign("ed25519", "-n git -O hashalg=sha256");
	allowed_write("ed25519", "me@a.org @");
	ask("a digest of 256 bits", false, false, NULL);
	sign("ed25519", "-n file");
	ask("a signature for files", false, false, "for 'file', not for 'git'");
	sign("ed25519", "-n git");
	sh("printf 'tree and so on!\\n' >message");
	check(!oracle(false), "a message that was changed");
	sh("printf '" MESSAGE "' >message; sed -i '2s/^\\(.\\{60\\}\\)./\\1A/;3s/^\\(.\\{9\\}\\)../\\1xx/' sig.sig");
	check(!oracle(false) && ours(false, NULL) != ERR_OK, "a signature that was changed");
}

/* --- revoked keys --- */

static const struct {
	const char *why, *key, *make, *words;
} revoked[] = {
	{ "another key", "ed25519", "cat ecdsa256.pub >revoked", NULL },
	{ "an empty list", "ed25519", ": >revoked", NULL },
	{ "the key, in a list", "ed25519", "echo '# lost' | cat - ecdsa256.pub ed25519.pub >revoked", "is revoked" },
	{ "its line", "ed25519", "echo '# lost' | cat - ecdsa256.pub ed25519.pub >revoked", "revoked:3)" },
	{ "a certificate's key", "good", "cat ed25519.pub >revoked", "is revoked" },
	{ "its authority", "good", "cat ca.pub >revoked", "is revoked" },
	{ "a KRL with another key", "ed25519", "ssh-keygen -q -k -f revoked ecdsa256.pub", NULL },
	{ "a KRL with the key", "ed25519", "ssh-keygen -q -k -f revoked ecdsa256.pub ed25519.pub", "is revoked" },
	{ "a KRL with its SHA-256", "ed25519", "echo sha256: $(cat ed25519.pub) >s; ssh-keygen -q -k -f revoked s",
	    "is revoked" },
	{ "a KRL with its SHA-1", "ecdsa256", "echo sha1: $(cat ecdsa256.pub) >s; ssh-keygen -q -k -f revoked s",
	    "is revoked" },
	{ "a KRL with the certificate's key", "good", "ssh-keygen -q -k -f revoked ed25519.pub", "is revoked" },
	{ "a KRL with its authority", "good", "ssh-keygen -q -k -f revoked ca.pub", "is revoked" },
	{ "a KRL with its serial", "good", "echo serial: 7 >s; ssh-keygen -q -k -s ca.pub -f revoked s", "is revoked" },
	{ "another serial", "good", "echo serial: 8 >s; ssh-keygen -q -k -s ca.pub -f revoked s", NULL },
	{ "the serial of another authority", "good", "echo serial: 7 >s; ssh-keygen -q -k -s rsaca.pub -f revoked s",
	    NULL },
	{ "a range of serials", "good", "echo serial: 5-8 >s; ssh-keygen -q -k -s ca.pub -f revoked s", "is revoked" },
	{ "many serials, as bits", "good",
	    "for i in 1 3 5 7 9 11 13 20; do echo serial: $i; done >s; ssh-keygen -q -k -s ca.pub -f revoked s",
	    "is revoked" },
	{ "many others", "good",
	    "for i in 1 3 5 6 9 11 13 20; do echo serial: $i; done >s; ssh-keygen -q -k -s ca.pub -f revoked s", NULL },
	{ "its id", "good", "echo id: id-good >s; ssh-keygen -q -k -s ca.pub -f revoked s", "is revoked" },
	{ "another's id", "good", "echo id: id-goo >s; ssh-keygen -q -k -s ca.pub -f revoked s", NULL },
};

static void
test_revoked_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof revoked / sizeof *revoked; i++) {
		sign(revoked[i].key, "-n git");
		sh("rm -f revoked; echo \"me@a.org " KEY "\" >allowed; echo \"me@a.org cert-authority " KEY "\" "
		    ">>allowed", revoked[i].key, "ca");
		sh("%s", revoked[i].make);
		ask(revoked[i].why, true, false, revoked[i].words);
	}
}

/* --- lines that are wrong --- */

static const char ed25519[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

static const struct {
	const char *line, *words;	/* KEY stands for a key */
} wrong[] = {
	{ "me@a.org", "expected a public key behind the principals" },
	{ "me@a.org nonsense", "found 'nonsense'" },
	{ "me@a.org ssh-dss AAAA", "found 'ssh-dss'" },
	{ "me@a.org ssh-ed25519", "expected a public key: TYPE BASE64" },
	{ "me@a.org ssh-ed25519 ====", "no base64" },
	{ "me@a.org ssh-ed25519 AAAA", "no public key" },
	{ "me@a.org ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
	    "of type ssh-ed25519 and not ssh-rsa" },
	{ "me@a.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GA==", "not whole" },
	{ "!me@a.org KEY", "expected principals" },
	{ "\"\" KEY", "expected principals" },
	{ "\"me@a.org KEY", "expected principals" },
	{ "me@a.org cert-authority", "expected a public key behind the options" },
	{ "me@a.org cert-authorityx KEY", "found 'cert-authorityx'" },
	{ "me@a.org cert-authority, KEY", "expected cert-authority" },
	{ "me@a.org namespaces=git KEY", "expected namespaces=" },
	{ "me@a.org namespaces=\"\" KEY", "expected namespaces=" },
	{ "me@a.org namespaces=\"git KEY", "expected namespaces=" },
	{ "me@a.org namespaces=\"a\",namespaces=\"b\" KEY", "twice" },
	{ "me@a.org namespaces=\"a\"x KEY", "expected a comma" },
	{ "me@a.org valid-after=\"2020\" KEY", "expected valid-after=\"YYYYMMDD" },
	{ "me@a.org valid-after=\"20201301\" KEY", "expected valid-after" },
	{ "me@a.org valid-after=\"202001012500\" KEY", "expected valid-after" },
	{ "me@a.org valid-before=\"20200101X\" KEY", "expected valid-before" },
	{ "me@a.org valid-before=20200101 KEY", "expected valid-before" },
	{ "me@a.org valid-after=\"20200101\",valid-after=\"20200102\" KEY", "twice" },
	{ "me@a.org valid-after=\"20200102\",valid-before=\"20200101\" KEY", "not later" },
	{ "me@a.org no-touch-required KEY", "found 'no-touch-required'" },
};

static void
test_lines_that_are_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const char *key = strstr(wrong[i].line, "KEY");
		struct signers *s = NULL;
		struct fault f = { 0 };
		char text[512];

		snprintf(text, sizeof text, "# first\n%.*s%s\n", (int)(key == NULL ? (int)strlen(wrong[i].line) :
		    key - wrong[i].line),
		    wrong[i].line, key == NULL ? "" : ed25519);
		check(signers_parse("FILE", text, strlen(text), &s, &f) != ERR_OK, "'%s' is refused", wrong[i].line);
		check(strncmp(f.text, "FILE:2: ", 8) == 0 && strstr(f.text, wrong[i].words) != NULL,
		    "'%s': wanted \"%s\", got \"%s\"",
		    wrong[i].line, wrong[i].words, f.text);
	}
	check(signers_parse("FILE", "# nobody\n", 9, &(struct signers *){ NULL }, &(struct fault){ 0 }) == ERR_FORMAT,
	    "nobody at all");
}

/* --- hardware keys: made here, since none is plugged in --- */

static void
add_text(struct buf *b, const char *text)
{
	ssh_write_text(b, text, strlen(text));
}

/* What a token with the Ed25519 key makes of SSHSIG's data; flags and counter as it says. */
static void
hardware_sign(EVP_PKEY *token, const char *hash_name, uint8_t flags, struct buf *blob, struct buf *out)
{
	uint8_t digest[64], public[32], signature[64];
	size_t n = sizeof public, signature_n = sizeof signature;
	struct buf data = { 0 }, covered = { 0 }, sig = { 0 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned digest_n;

	EVP_PKEY_get_raw_public_key(token, public, &n);
	add_text(blob, "sk-ssh-ed25519@openssh.com");
	ssh_write_text(blob, public, n);
	add_text(blob, "ssh:");
	EVP_Digest(MESSAGE, strlen(MESSAGE), digest, &digest_n, EVP_get_digestbyname(hash_name), NULL);
	buf_add(&data, "SSHSIG", 6);
	add_text(&data, "git");
	add_text(&data, "");
	add_text(&data, hash_name);
	ssh_write_text(&data, digest, digest_n);
	EVP_Digest("ssh:", 4, digest, NULL, EVP_sha256(), NULL);
	buf_add(&covered, digest, 32);
	buf_u8(&covered, flags);
	buf_u32(&covered, 5);
	EVP_Digest(data.p, data.len, digest, NULL, EVP_sha256(), NULL);
	buf_add(&covered, digest, 32);
	check(EVP_DigestSignInit(ctx, NULL, NULL, NULL, token) == 1 &&
	    EVP_DigestSign(ctx, signature, &signature_n, covered.p, covered.len) == 1, "the token signs");
	add_text(&sig, "sk-ssh-ed25519@openssh.com");
	ssh_write_text(&sig, signature, signature_n);
	buf_u8(&sig, flags);
	buf_u32(&sig, 5);
	buf_add(out, "SSHSIG", 6);
	buf_u32(out, 1);
	ssh_write_text(out, blob->p, blob->len);
	add_text(out, "git");
	add_text(out, "");
	add_text(out, hash_name);
	ssh_write_text(out, sig.p, sig.len);
	EVP_MD_CTX_free(ctx);
	buf_clear(&data);
	buf_clear(&covered);
	buf_clear(&sig);
}

static void
spill(const char *name, const char *before, const struct buf *octets, const char *after)
{
	struct buf text = { 0 };
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%s", place, name);
	buf_add_str(&text, before);
	base64_encode(octets->p, octets->len, &text);
	buf_add_str(&text, after);
	check(file_write(path, text.p, text.len, 0600, NULL) == ERR_OK, "%s is written", name);
	buf_clear(&text);
}

static void
test_hardware_keys(void **state)
{
	EVP_PKEY *token = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	(void)state;
	for (unsigned flags = 0; flags < 6; flags += 5) {
		struct buf blob = { 0 }, sig = { 0 };

		hardware_sign(token, "sha512", (uint8_t)flags, &blob, &sig);
		spill("allowed", "me@a.org sk-ssh-ed25519@openssh.com ", &blob, "\n");
		spill("sig.sig", SSHSIG_BEGIN "\n", &sig, "\n" SSHSIG_END "\n");
		ask("a hardware key", false, false, NULL);
		sig.p[sig.len - 5] ^= 1;
		spill("sig.sig", SSHSIG_BEGIN "\n", &sig, "\n" SSHSIG_END "\n");
		ask("with other flags", false, false, "the signature is false");
		buf_clear(&blob);
		buf_clear(&sig);
	}
	EVP_PKEY_free(token);
}

/* --- what is cut off or changed --- */

static bool
accepted(const uint8_t *octets, size_t n, const struct signers *signers)
{
	struct sshsig sig;
	bool good = sshsig_read(octets, n, &sig, NULL) == ERR_OK;

	if (good) {
		good = sshsig_verify(&sig, "git", MESSAGE, strlen(MESSAGE), NULL) == ERR_OK &&
		    signers_check(signers, sig.key, "git", NOW, NULL) == ERR_OK;
		sshsig_clear(&sig);
	}
	return good;
}

static void
test_every_prefix_and_every_bit(void **state)
{
	static const char *const keys[] = { "ed25519", "ecdsa256", "good" };
	struct buf text = { 0 }, allowed = { 0 };
	struct signers *signers = NULL, *other = NULL;
	struct sshsig sig, part;

	(void)state;
	sh("for k in ed25519 ecdsa256; do echo \"me@a.org " KEY "\"; done >allowed; echo \"*@a.org cert-authority "
	    "" KEY "\" >>allowed",
	    "$k", "ca");
	slurp("allowed", &allowed);
	check(signers_parse("F", (const char *)allowed.p, allowed.len, &signers, NULL) == ERR_OK, "the file is good");
	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
		sign(keys[k], "-n git");
		slurp("sig.sig", &text);
		check(sshsig_parse((const char *)text.p, text.len, &sig, NULL) == ERR_OK, "the signature is good");
		check(accepted(sig.octets.p, sig.octets.len, signers), "and accepted");
		for (size_t n = 0; n < sig.octets.len; n++)
			check(sshsig_read(sig.octets.p, n, &part, NULL) != ERR_OK, "%s: %zu octets are no signature",
			    keys[k], n);
		for (size_t n = 0; n + 2 < text.len; n++)
			check(sshsig_parse((const char *)text.p, n, &part, NULL) != ERR_OK,
			    "%s: %zu characters are none", keys[k], n);
		for (size_t bit = 0; bit < 8 * sig.octets.len; bit += k == 0 ? 1 : 13) {
			sig.octets.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			check(!accepted(sig.octets.p, sig.octets.len, signers), "%s: bit %zu matters", keys[k], bit);
			sig.octets.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		sshsig_clear(&sig);
		buf_clear(&text);
	}
	for (size_t n = 0; n < allowed.len; n++) {
		struct fault f = { 0 };

		if (signers_parse("F", (const char *)allowed.p, n, &other, &f) == ERR_OK)
			signers_unref(other);
		else
			check(strncmp(f.text, "F:", 2) == 0, "%zu octets of the file are named: %s", n, f.text);
	}
	signers_unref(signers);
	buf_clear(&allowed);
}

static void
test_every_prefix_of_a_revocation_list(void **state)
{
	struct buf krl = { 0 };
	struct revoked *r;

	(void)state;
	sh("rm -f revoked; for i in 1 3 5 7 9 11 13 20 30-40; do echo serial: $i; done >s; echo id: x >>s; "
	    "ssh-keygen -q -k -s ca.pub -f revoked s ed25519.pub; echo sha256: $(cat ecdsa256.pub) >s; ssh-keygen -q "
	    "-k -u -f revoked s");
	slurp("revoked", &krl);
	check(revoked_parse("R", krl.p, krl.len, &r, NULL) == ERR_OK, "the list is good");
	revoked_free(r);
	for (size_t n = 0; n < krl.len; n++) {
		/* Sections are many: one that ends with one of them is whole. */
		if (revoked_parse("R", krl.p, n, &r, NULL) == ERR_OK)
			revoked_free(r);
	}
	buf_clear(&krl);
}

/* --- our own signatures --- */

static const struct {
	const char *key, *words;
} private_keys[] = {
	{ "ed25519", NULL }, { "ecdsa256", NULL }, { "ecdsa384", NULL }, { "ecdsa521", NULL }, { "rsa2048", NULL },
	    { "rsa3072", NULL },
	{ "rsa1024", "1024 bits" }, { "dsa", "ssh-dss" }, { "locked", "passphrase" }, { "ed25519.pub",
	    "no private key" },
	{ "open", "mode 0640" }, { "absent", "No such file" }, { "pem", "no private key in OpenSSH's form" },
	    { "message", "no private key" },
};

static void
test_our_own_signatures(void **state)
{
	(void)state;
	sh("cp ed25519 locked; ssh-keygen -q -p -N secret -f locked; cp ed25519 open; chmod 640 open; chmod 600 "
	    "message *.pub; "
	    "openssl genrsa -traditional -out pem 2048; chmod 600 pem");
	for (size_t i = 0; i < sizeof private_keys / sizeof *private_keys; i++) {
		struct ssh_private_key *k = NULL;
		struct buf armour = { 0 };
		struct fault f = { 0 };
		char path[PATH_MAX + 64];
		enum err err;

		snprintf(path, sizeof path, "%s/%s", place, private_keys[i].key);
		err = ssh_private_key_load(path, &k, &f);
		if (private_keys[i].words != NULL) {
			check(err != ERR_OK && strstr(f.text, path) != NULL && strstr(f.text,
			    private_keys[i].words) != NULL,
			    "%s: wanted \"%s\", got \"%s\"", path, private_keys[i].words, fault_str(&f, err));
			continue;
		}
		check(err == ERR_OK, "%s: %s", path, fault_str(&f, err));
		check(sshsig_sign(k, "git", MESSAGE, strlen(MESSAGE), &armour) == ERR_OK, "%s signs", path);
		buf_add_str(&armour, "\n");
		snprintf(path, sizeof path, "%s/sig.sig", place);
		check(file_write(path, armour.p, armour.len, 0600, NULL) == ERR_OK, "the signature is written");
		allowed_write(private_keys[i].key, "me@a.org namespaces=\\\"git\\\" @");
		ask(private_keys[i].key, false, false, NULL);
		ssh_private_key_free(k);
		buf_clear(&armour);
	}
}

static void
test_every_prefix_of_a_private_key(void **state)
{
	static const char *const keys[] = { "ed25519", "ecdsa256", "rsa2048" };

	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct ssh_private_key *k = NULL;
		struct buf text = { 0 };

		slurp(keys[i], &text);
		for (size_t n = 0; n < text.len - 2; n++)
			check(ssh_private_key_parse((const char *)text.p, n, &k, NULL) != ERR_OK,
			    "%zu octets of %s are no key", n, keys[i]);
		buf_clear(&text);
	}
}

static int
setup(void **state)
{
	int rc = place_make(state);

	setenv("TZ", "XXX-5", 1);
	if (rc == 0)
		keys_make();
	return rc;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_may_sign),
		cmocka_unit_test(test_revoked_keys),
		cmocka_unit_test(test_lines_that_are_wrong),
		cmocka_unit_test(test_hardware_keys),
		cmocka_unit_test(test_every_prefix_and_every_bit),
		cmocka_unit_test(test_every_prefix_of_a_revocation_list),
		cmocka_unit_test(test_our_own_signatures),
		cmocka_unit_test(test_every_prefix_of_a_private_key),
	};

	return cmocka_run_group_tests(tests, setup, place_remove);
}
