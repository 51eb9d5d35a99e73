bin_PROGRAMS += tools/certns-checkzone
tools_certns_checkzone_SOURCES = \
	tools/checkzone.c tools/checkzone.h \
	tools/checkzone_json.c \
	tools/checkzone_repository.c \
	tools/checkzone_text.c
tools_certns_checkzone_LDADD = $(LIBZONES) $(JANSSON_LIBS)

# The client for services.  It runs on machines that have no server: of the libraries in LIBSERVER only those stay whose
# parts it takes.
noinst_LIBRARIES += tools/libfetch.a
tools_libfetch_a_SOURCES = \
	tools/fetch.h \
	tools/fetch_chain.c tools/fetch_chain.h \
	tools/fetch_config.c \
	tools/fetch_dns.c tools/fetch_dns.h \
	tools/fetch_find.c \
	tools/fetch_hook.c \
	tools/fetch_host.c tools/fetch_host.h \
	tools/fetch_install.c tools/fetch_install.h \
	tools/fetch_key.c tools/fetch_key.h \
	tools/fetch_options.c \
	tools/fetch_place.c tools/fetch_place.h \
	tools/fetch_report.c \
	tools/fetch_settings.c \
	tools/fetch_state.c tools/fetch_state.h \
	tools/fetch_tcp.c \
	tools/fetch_tsig.c \
	tools/fetch_words.c
LIBFETCH = tools/libfetch.a $(LIBSERVER) $(LDNS_LIBS)
bin_PROGRAMS += tools/certns-fetch
tools_certns_fetch_SOURCES = tools/fetch.c
tools_certns_fetch_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed
tools_certns_fetch_LDADD = $(LIBFETCH)

sbin_PROGRAMS += tools/certnsctl
tools_certnsctl_SOURCES = \
	tools/ctl.c tools/ctl.h \
	tools/ctl_call.c \
	tools/ctl_keygen.c tools/ctl_keygen.h \
	tools/ctl_keygen_clients.c \
	tools/ctl_print.c
tools_certnsctl_LDADD = $(LIBSERVER)

bin_PROGRAMS += tools/certns-notify
tools_certns_notify_SOURCES = tools/notify.c
tools_certns_notify_LDADD = $(LIBTSIG)
