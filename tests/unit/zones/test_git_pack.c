/* Packs as git makes them are taken apart; each prefix of one, and each that has another octet, is refused. */
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "tests/unit/zones/git_place.h"
#include "zones/git_pack.h"

static git_repository *repo;

static enum err
find_base(void *ctx, const git_oid *id, git_object_t *type, struct buf *octets, struct fault *f)
{
	git_odb *odb = NULL;
	git_odb_object *object = NULL;
	bool thin = *(bool *)ctx, got;

	(void)f;
	check(git_repository_odb(&odb, repo) == 0, "the objects of r");
	got = thin && git_odb_read(&object, odb, id) == 0;
	if (got) {
		*type = git_odb_object_type(object);
		buf_add(octets, git_odb_object_data(object), git_odb_object_size(object));
	}
	git_odb_object_free(object);
	git_odb_free(odb);
	return got ? ERR_OK : ERR_NOT_FOUND;
}

static void
read_file(const char *name, struct buf *out)
{
	struct fault f = { 0 };

	buf_clear(out);
	check(file_read(path_of(name), 1 << 24, out, &f) == ERR_OK, "%s is read: %s", name, f.text);
}

/* Are all objects those of the file "list", one hex name a line, with the contents that r has? */
static void
compare(const struct git_pack *p, const char *why)
{
	struct buf list = { 0 };
	git_odb *odb = NULL;

	read_file("list", &list);
	check(buf_str(&list) != NULL && list.len == p->n * 41 && git_repository_odb(&odb, repo) == 0,
	    "%s: %zu objects, %zu octets of list",
	    why, p->n, list.len);
	for (size_t i = 0; i < p->n; i++) {
		const struct git_pack_object *x = &p->v[i];
		git_odb_object *object = NULL;

		check(strstr(buf_str(&list), git_oid_tostr_s(&x->id)) != NULL, "%s: %s is asked for", why,
		    git_oid_tostr_s(&x->id));
		check(git_odb_read(&object, odb, &x->id) == 0 && git_odb_object_type(object) == x->type &&
		    git_odb_object_size(object) == x->octets.len &&
		    (x->octets.len == 0 || memcmp(git_odb_object_data(object), x->octets.p, x->octets.len) == 0),
		    "%s: %s is the same", why, git_oid_tostr_s(&x->id));
		git_odb_object_free(object);
	}
	git_odb_free(odb);
	buf_clear(&list);
}

static void
sign(struct buf *pack)
{
	check(EVP_Digest(pack->p, pack->len - 20, pack->p + pack->len - 20, NULL, digest_sha1(), NULL) == 1,
	    "a checksum");
}

static const struct { const char *why, *revisions, *options; bool thin; } packs[] = {
	{ "all objects, whole",			"main",		"--depth=0", false },
	{ "all objects, deltas by offset",	"main",		"--delta-base-offset --window=50", false },
	{ "all objects, deltas by name",	"main",		"--window=50", false },
	{ "one commit",				"main ^main~1",	"", false },
	{ "one commit, thin",			"main ^main~1",	"--thin", true },
	{ "some commits, thin, by offset",	"main ^main~3",	"--thin --delta-base-offset", true },
	{ "nothing",				"main ^main",	"", false },
};

static void
make_pack(size_t i, struct buf *out)
{
	sh("cd r && printf '%%s\\n' %s | git pack-objects --revs --stdout -q %s >../pack && "
	    "git rev-list --objects %s | cut -c -40 >../list", packs[i].revisions, packs[i].options,
	    packs[i].revisions);
	read_file("pack", out);
}

static void
test_packs(void **state)
{
	struct buf octets = { 0 };
	struct git_pack p;
	struct fault f = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof packs / sizeof packs[0]; i++) {
		bool thin = packs[i].thin;

		make_pack(i, &octets);
		enum err err = git_pack_read(octets.p, octets.len, 1 << 24, find_base, &thin, &p, &f);
		check(err == ERR_OK, "%s: %s", packs[i].why, fault_str(&f, err));
		compare(&p, packs[i].why);
		git_pack_clear(&p);
		err = git_pack_read(octets.p, octets.len, 10, find_base, &thin, &p, &f);
		check(err == (strcmp(packs[i].why, "nothing") == 0 ? ERR_OK : ERR_NOSPACE), "%s: not too much",
		    packs[i].why);
		git_pack_clear(&p);
		thin = false;
		err = git_pack_read(octets.p, octets.len, 1 << 24, find_base, &thin, &p, &f);
		check(err == (packs[i].thin ? ERR_FORMAT : ERR_OK), "%s: without bases: %s", packs[i].why,
		    fault_str(&f, err));
		git_pack_clear(&p);
	}
	buf_clear(&octets);
}

static void
test_damaged(void **state)
{
	struct buf octets = { 0 };
	struct git_pack p;
	bool thin = true;

	(void)state;
	make_pack(4, &octets);
	for (size_t n = 0; n < octets.len; n++) {
		check(git_pack_read(octets.p, n, 1 << 24, find_base, &thin, &p, NULL) == ERR_FORMAT && p.v == NULL,
		    "%zu octets of it", n);
		if (n < 12 + 20)
			continue;
		struct buf cut = { 0 };

		buf_add(&cut, octets.p, n);
		sign(&cut);
		check(git_pack_read(cut.p, n, 1 << 24, find_base, &thin, &p, NULL) == ERR_FORMAT,
		    "%zu octets with a checksum", n);
		buf_clear(&cut);
	}
	for (size_t i = 0; i < octets.len - 20; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			octets.p[i] ^= (uint8_t)(1 << bit);
			check(git_pack_read(octets.p, octets.len, 1 << 24, find_base, &thin, &p, NULL) == ERR_FORMAT,
			    "another octet %zu", i);
			sign(&octets);
			/* An adler32 stands behind each object; a delta's base may be named otherwise. */
			if (git_pack_read(octets.p, octets.len, 1 << 24, find_base, &thin, &p, NULL) == ERR_OK)
				git_pack_clear(&p);
			octets.p[i] ^= (uint8_t)(1 << bit);
		}
	}
	buf_clear(&octets);
}

static int
make_history(void **state)
{
	if (place_make(state) != 0)
		return -1;
	repository_make();
	sh("cd w && for i in $(seq 300); do echo line $i; done >long && git add long && git commit -qm long && "
	    "for i in 1 2 3 4; do sed -i \"s/line 1$i.*/& more $i/\" long && : >empty$i && git add -A && "
	    "git commit -qm $i; done && "
	    "git push -q");
	return git_libgit2_init() > 0 && git_repository_open(&repo, path_of("r")) == 0 ? 0 : -1;
}

static int
forget(void **state)
{
	git_repository_free(repo);
	git_libgit2_shutdown();
	return place_remove(state);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packs),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, make_history, forget);
}
