dist_man_MANS += \
	docs/certns-checkzone.1 \
	docs/certns-notify.1 \
	docs/certns.yaml.5 \
	docs/certnsctl.8 \
	docs/certnsd.8

# Installed as documents only: where units and configuration go is the system's business.
examplesdir = $(docdir)/examples
dist_examples_DATA = docs/examples/certns.yaml
hooksdir = $(docdir)/hooks
dist_hooks_SCRIPTS = docs/hooks/post-receive docs/hooks/pre-receive
guidedir = $(docdir)/guide
dist_guide_DATA = \
	docs/guide/backup.md \
	docs/guide/beside-your-primary.md \
	docs/guide/keys-and-rights.md \
	docs/guide/secondary.md \
	docs/guide/signed-commits.md \
	docs/guide/zones-in-git.md
nodist_doc_DATA = docs/certnsd.service
EXTRA_DIST += docs/certnsd.service.in
CLEANFILES += docs/certnsd.service

docs/certnsd.service: $(srcdir)/docs/certnsd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) docs && sed 's|[@]sbindir[@]|$(sbindir)|' $(srcdir)/docs/certnsd.service.in >$@
