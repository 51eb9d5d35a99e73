#include "server/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "wire/rrtype.h"
#include "zones/check.h"

/* So many changes go to the journal one by one; more of them are a new image file. */
#define CHANGES_MAX 10000

/* One request and its answer; *x is the caller's, unless there is no memory for it. */
static enum err
transfer_once(struct intake *in, const struct rr *soa, struct xfrin **x, struct fault *f)
{
	enum err err = xfrin_new(&(struct xfrin_request){ .apex = in->apex.octets, .soa = soa, .key = in->key,
	    .max_octets = in->max_octets, .no_edns = in->no_edns }, x);

	if (err != ERR_OK)
		return err;
	err = fetch_run(&in->place, *x, f);
	in->records = xfrin_records(*x);
	in->octets += xfrin_octets(*x);
	return err;
}

/* One transfer of either kind; on success in->transfer has what came. */
static enum err
transfer(struct intake *in, const struct rr *soa, struct fault *f)
{
	struct xfrin *x = NULL;
	const char *first;
	enum err err = transfer_once(in, soa, &x, f);

	if (err == ERR_PEER && xfrin_dislikes_edns(x)) {
		in->no_edns = true;
		xfrin_free(x);
		x = NULL;
		err = transfer_once(in, soa, &x, f);
	}
	if (err != ERR_OK) {
		xfrin_free(x);
		return err;
	}
	in->kind = xfrin_kind(x);
	in->serial = xfrin_serial(x);
	in->outside = xfrin_outside(x, &first);
	in->has_expire_s = xfrin_expire(x, &in->expire_s);
	memcpy(in->first_outside, first, strlen(first) + 1);
	in->transfer = x;
	return ERR_OK;
}

/* May the whole zone be had where differences were not?  Not from a primary that cannot be reached. */
static bool
may_ask_whole(enum err err)
{
	return err == ERR_PEER || err == ERR_FORMAT;
}

static enum err
ask(struct intake *in)
{
	struct rr soa;
	enum err err;

	if (!in->whole && in->version != NULL && zone_version_soa(in->version, &soa)) {
		err = transfer(in, &soa, &in->no_steps);
		if (err == ERR_OK && in->kind != XFRIN_NEWER)
			return ERR_OK;
		if (err != ERR_OK && !may_ask_whole(err)) {
			in->fault = in->no_steps;
			return err;
		}
		if (err == ERR_OK)
			fault_set(&in->no_steps, ERR_PEER, "the primary has no differences from serial %u",
			    soa_serial(&soa));
		xfrin_free(in->transfer);
		in->transfer = NULL;
	}
	return transfer(in, NULL, &in->fault);
}

/* All records of an RRset have one TTL, the smallest (RFC 2181, section 5.2). */
static void
even_ttls(struct rr_list *rrs)
{
	for (size_t i = 0, end; i < rrs->n; i = end) {
		uint32_t ttl = rrs->v[i].ttl;

		for (end = i + 1; end < rrs->n && rr_same_rrset(&rrs->v[i], &rrs->v[end]); end++)
			if (rrs->v[end].ttl < ttl)
				ttl = rrs->v[end].ttl;
		for (size_t k = i; k < end; k++)
			rrs->v[k].ttl = ttl;
	}
}

static void
first_error(void *ctx, const struct check_finding *finding)
{
	struct fault *f = ctx;
	char record[300] = "";

	if (finding->level != CHECK_ERROR || f->text[0] != '\0')
		return;
	if (finding->rr != NULL)
		rr_print(finding->rr, record, sizeof record);
	fault_set(f, ERR_REFUSED, "the zone is unsound: %s%s%s%s", finding->text, finding->rr != NULL ? " (" : "",
	    record, finding->rr != NULL ? ")" : "");
}

static enum err
find_changes(struct intake *in)
{
	struct rr_list now = { 0 };
	enum err err = zone_version_collect(in->version, NULL, &now);

	if (err == ERR_OK)
		err = changeset_diff(&now, &in->rrs, &in->changes);
	for (size_t i = 0; err == ERR_OK && i < in->rrs.n; i++)
		if (in->rrs.v[i].type == TYPE_SOA)
			err = changeset_add_rr(&in->changes, &in->rrs.v[i]);
	rr_list_clear(&now);
	return err;
}

/* A whole zone came. */
static enum err
take_zone(struct intake *in)
{
	enum err err;

	xfrin_take_records(in->transfer, &in->rrs);
	even_ttls(&in->rrs);
	err = zone_check(in->apex.octets, &in->rrs, first_error, &in->fault);
	if (err == ERR_OK && in->version != NULL)
		err = find_changes(in);
	if (err == ERR_OK && (in->version == NULL || in->changes.n > CHANGES_MAX))
		err = image_write(in->images, in->apex.octets, &in->rrs, &in->base, &in->fault);
	return err;
}

void
intake_run(void *arg)
{
	struct intake *in = arg;

	in->err = ask(in);
	if (in->err == ERR_OK && in->kind == XFRIN_FULL)
		in->err = take_zone(in);
}

void
intake_free(struct intake *in)
{
	if (in == NULL)
		return;
	image_remove(in->images, &in->base);
	zone_base_clear(&in->base);
	xfrin_free(in->transfer);
	rr_list_clear(&in->rrs);
	changeset_clear(&in->changes);
	zone_version_unref(in->version);
	tsig_key_free(in->key);
	free(in);
}
