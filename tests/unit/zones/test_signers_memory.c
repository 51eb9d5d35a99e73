/* Signatures and signers: every allocation in a whole round fails once; nothing is left behind, nobody is let in. */
#include <stdlib.h>

#include "base/file.h"
#include "tests/unit/check.h"
#include "tests/unit/zones/memory.h"
#include "zones/signers.h"
#include "zones/sshsig.h"

/* The seeds of the fuzz target, without their first octet. */
struct seed {
	const char *name;
	struct buf octets;
};
static struct seed armour = { "armour", { 0 } }, allowed = { "allowed", { 0 } }, krl = { "krl", { 0 } },
    private = { "private", { 0 } }, certificate = { "blob-cert", { 0 } };

static void
seed_read(struct seed *s)
{
	const char *source = getenv("srcdir");
	char path[4096];
	struct fault f = { 0 };

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/sshsig/%s", source == NULL ? "." : source, s->name);
	check(file_read(path, 65536, &s->octets, &f) == ERR_OK, "%s: %s", path, f.text);
	buf_consume(&s->octets, 1);
}

static enum err
check_sig(const struct sshsig *sig, const struct signers *signers)
{
	enum err err = sshsig_verify(sig, "git", "message", 7, NULL);

	if (err == ERR_OK)
		err = signers_check(signers, sig->key, "git", 1700000000, NULL);
	return err;
}

static enum err
check_all(const struct signers *signers)
{
	struct sshsig sig;
	enum err err = sshsig_parse((const char *)armour.octets.p, armour.octets.len, &sig, NULL);

	if (err != ERR_OK)
		return err;
	err = check_sig(&sig, signers);
	sshsig_clear(&sig);
	if (err == ERR_OK && (err = sshsig_read(certificate.octets.p, certificate.octets.len, &sig, NULL)) == ERR_OK) {
		err = sshsig_verify(&sig, "git", "message", 7, NULL);
		sshsig_clear(&sig);
	}
	return err;
}

static enum err
sign(void)
{
	struct ssh_private_key *key = NULL;
	struct buf out = { 0 };
	enum err err = ssh_private_key_parse((const char *)private.octets.p, private.octets.len, &key, NULL);

	if (err == ERR_OK)
		err = sshsig_sign(key, "git", "message", 7, &out);
	ssh_private_key_free(key);
	buf_clear(&out);
	return err;
}

static enum err
once(void)
{
	struct signers *signers = NULL;
	struct revoked *revoked = NULL;
	enum err err = signers_parse("allowed", (const char *)allowed.octets.p, allowed.octets.len, &signers, NULL);

	if (err == ERR_OK)
		err = check_all(signers);
	if (err == ERR_OK)
		err = revoked_parse("krl", krl.octets.p, krl.octets.len, &revoked, NULL);
	if (err == ERR_OK)
		err = sign();
	revoked_free(revoked);
	signers_unref(signers);
	return err;
}

static void
test_each_allocation_fails_once(void **state)
{
	long live;

	(void)state;
	seed_read(&armour);
	seed_read(&allowed);
	seed_read(&krl);
	seed_read(&private);
	seed_read(&certificate);
	check(once() == ERR_OK, "a round goes well");
	live = memory_live();
	for (long n = 1;; n++) {
		memory_fail_nth(n);
		enum err err = once();
		bool fired = memory_fail_left() <= 0;
		memory_fail_nth(0);
		check(memory_live() == live, "allocation %ld leaves %ld behind", n, memory_live() - live);
		if (!fired)
			break;
		check(err != ERR_OK, "allocation %ld is an error", n);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
