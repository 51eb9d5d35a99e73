bin_PROGRAMS += tools/certns-checkzone
tools_certns_checkzone_SOURCES = \
	tools/checkzone.c tools/checkzone.h \
	tools/checkzone_json.c \
	tools/checkzone_repository.c \
	tools/checkzone_text.c
tools_certns_checkzone_LDADD = $(LIBZONES) $(JANSSON_LIBS)

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
