#include "acme/schedule.h"

#include <stdbool.h>

#define SHORT_S (10 * 86400)

int64_t
acme_backoff_s(unsigned failures, unsigned first_s, unsigned most_s, uint32_t random, int64_t left_s,
    int64_t retry_after_s)
{
	int64_t s = first_s;

	for (unsigned i = 1; i < failures && s < most_s; i++)
		s *= 10;
	if (s > most_s)
		s = most_s;
	if (left_s > 0 && s > left_s / 8)
		s = left_s / 8 > first_s ? left_s / 8 : first_s;
	s += s * (int64_t)(random % 256) / 1024 - s / 8;
	if (s < retry_after_s)
		s = retry_after_s;
	return s < 1 ? 1 : s;
}

int64_t
acme_renewal_s(const struct acme_lifetime *life, uint32_t salt)
{
	int64_t lifetime_s = life->not_after_s - life->not_before_s;
	int64_t left_s = lifetime_s < SHORT_S ? lifetime_s / 2 : lifetime_s / 3;

	return life->not_after_s - left_s + lifetime_s / 100 * (int64_t)(salt % 1024) / 1024;
}

static bool
lies_in(const struct acme_lifetime *life, int64_t at_s)
{
	return at_s >= life->not_before_s && at_s < life->not_after_s;
}

int64_t
acme_lifetime_now_s(const struct acme_lifetime *life, int64_t issued_s, int64_t now_s)
{
	if (issued_s == 0 || lies_in(life, now_s) || lies_in(life, issued_s))
		return now_s;
	return life->not_before_s + (now_s > issued_s ? now_s - issued_s : 0);
}
