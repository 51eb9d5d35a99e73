noinst_LIBRARIES += server/libserver.a
server_libserver_a_SOURCES = \
	server/additional.c \
	server/answer.c server/answer.h \
	server/chaos.c \
	server/config.c server/config.h \
	server/config_address.c \
	server/config_schema.c server/config_schema.h \
	server/config_yaml.c \
	server/control.c server/control.h \
	server/exchange.c server/exchange.h \
	server/notify.c server/notify.h \
	server/options.c server/options.h \
	server/request.c \
	server/response.c server/response.h \
	server/shared.c server/shared.h \
	server/update.c server/update.h \
	server/worker.h
LIBSERVER = server/libserver.a $(LIBACME) $(YAML_LIBS)

sbin_PROGRAMS += server/certnsd
server_certnsd_SOURCES = server/main.c
server_certnsd_LDADD = $(LIBSERVER)
