bin_PROGRAMS += tools/certns-checkzone
tools_certns_checkzone_SOURCES = tools/checkzone.c
tools_certns_checkzone_LDADD = $(LIBZONES)

sbin_PROGRAMS += tools/certnsctl
tools_certnsctl_SOURCES = \
	tools/ctl.c tools/ctl.h \
	tools/ctl_call.c \
	tools/ctl_keygen.c \
	tools/ctl_print.c
tools_certnsctl_LDADD = $(LIBSERVER)
