bin_PROGRAMS += tools/certns-checkzone
tools_certns_checkzone_SOURCES = tools/checkzone.c
tools_certns_checkzone_LDADD = $(LIBZONES)
