#include "acme/schedule.h"

int64_t
acme_backoff_s(unsigned failures, unsigned first_s, unsigned most_s, uint32_t random, int64_t retry_after_s)
{
	int64_t s = first_s;

	for (unsigned i = 1; i < failures && s < most_s; i++)
		s *= 2;
	if (s > most_s)
		s = most_s;
	s += s * (int64_t)(random % 256) / 1024 - s / 8;
	if (s < retry_after_s)
		s = retry_after_s;
	return s < 1 ? 1 : s;
}

int64_t
acme_renewal_s(const struct acme_certificate *c, uint32_t salt)
{
	int64_t lifetime_s = c->not_after_s - c->not_before_s;

	return acme_certificate_renew_at_s(c) + lifetime_s / 100 * (int64_t)(salt % 1024) / 1024;
}
