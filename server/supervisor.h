/* server/supervisor.h -- tells systemd, or whoever understands sd_notify(3), that the server is ready, or stops. */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

/* "READY=1", "STOPPING=1".  Without NOTIFY_SOCKET in the environment nobody wants to know; and who does not listen is no harm. */
void supervisor_tell(const char *state);

#endif
