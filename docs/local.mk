dist_man_MANS += \
	docs/certns-checkzone.1 \
	docs/certns-fetch.1 \
	docs/certns-notify.1 \
	docs/certns.yaml.5 \
	docs/certnsctl.8 \
	docs/certnsd.8

# Installed as documents only: where configuration goes is the system's business.
examplesdir = $(docdir)/examples
dist_examples_DATA = docs/examples/certns.yaml docs/examples/fetch.yaml
hooksdir = $(docdir)/hooks
dist_hooks_SCRIPTS = docs/hooks/post-receive docs/hooks/pre-receive
guidedir = $(docdir)/guide
dist_guide_DATA = \
	docs/guide/accounts.md \
	docs/guide/backup.md \
	docs/guide/behind-a-proxy.md \
	docs/guide/beside-your-primary.md \
	docs/guide/caddy.md \
	docs/guide/certns-fetch.md \
	docs/guide/delegated-challenges.md \
	docs/guide/haproxy.md \
	docs/guide/keys-and-rights.md \
	docs/guide/moving-from-bind.md \
	docs/guide/moving-from-mirageos.md \
	docs/guide/nginx.md \
	docs/guide/postfix.md \
	docs/guide/query-log.md \
	docs/guide/secondary.md \
	docs/guide/signed-commits.md \
	docs/guide/zones-in-git.md

# Units are documents, too, unless configure is told where the system wants them.
units_made = docs/certnsd.service docs/certns-fetch.service
if SYSTEMD
unitdir = @systemdsystemunitdir@
nodist_unit_DATA = $(units_made)
dist_unit_DATA = docs/certns-fetch.timer
else
nodist_doc_DATA = $(units_made)
dist_doc_DATA = docs/certns-fetch.timer
endif
EXTRA_DIST += docs/certnsd.service.in docs/certns-fetch.service.in
CLEANFILES += $(units_made)

docs/certnsd.service: $(srcdir)/docs/certnsd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) docs && sed 's|[@]sbindir[@]|$(sbindir)|' $(srcdir)/docs/certnsd.service.in >$@
docs/certns-fetch.service: $(srcdir)/docs/certns-fetch.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) docs && sed 's|[@]bindir[@]|$(bindir)|' $(srcdir)/docs/certns-fetch.service.in >$@
