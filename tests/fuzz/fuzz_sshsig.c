/* tests/fuzz/fuzz_sshsig.c -- signatures of commits, who may make them, revoked keys, private keys.  The first octet
 * chooses. */
#include "zones/signers.h"
#include "zones/sshsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void
check_signature(const uint8_t *octets, size_t n, bool armoured)
{
	static const char allowed[] =
	    "* cert-authority,valid-before=\"20300101Z\" ssh-ed25519 "
	    "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n";
	struct signers *signers;
	struct sshsig sig;
	enum err err = armoured ? sshsig_parse((const char *)octets, n, &sig, NULL) : sshsig_read(octets, n, &sig,
	    NULL);

	if (err != ERR_OK)
		return;
	(void)sshsig_verify(&sig, "git", "message", 7, NULL);
	if (signers_parse("allowed", allowed, sizeof allowed - 1, &signers, NULL) == ERR_OK) {
		(void)signers_check(signers, sig.key, "git", 1700000000, NULL);
		signers_unref(signers);
	}
	sshsig_clear(&sig);
}

static void
check_revoked(const uint8_t *octets, size_t n)
{
	static const char text[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
	struct revoked *revoked;
	struct ssh_key *key;
	const char *end;
	char where[64];

	if (revoked_parse("revoked", octets, n, &revoked, NULL) != ERR_OK)
		return;
	if (ssh_key_parse(text, &end, &key, NULL) == ERR_OK) {
		(void)revoked_has(revoked, key, where, sizeof where);
		ssh_key_free(key);
	}
	revoked_free(revoked);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct signers *signers;
	struct ssh_private_key *key;
	struct fault f;

	if (n == 0)
		return 0;
	switch (octets[0] % 5) {
	case 0:
		check_signature(octets + 1, n - 1, false);
		break;
	case 1:
		check_signature(octets + 1, n - 1, true);
		break;
	case 2:
		if (signers_parse("allowed", (const char *)octets + 1, n - 1, &signers, &f) == ERR_OK)
			signers_unref(signers);
		break;
	case 3:
		check_revoked(octets + 1, n - 1);
		break;
	case 4:
		if (ssh_private_key_parse((const char *)octets + 1, n - 1, &key, &f) == ERR_OK)
			ssh_private_key_free(key);
		break;
	}
	return 0;
}
