#pragma once

/*
 * imapsyncd --find-server DOMAIN: which IMAP server a domain names in its autoconfig file
 *
 * For imapsyncctl setup. The file is asked for at
 *
 *      https://autoconfig.DOMAIN/mail/config-v1.1.xml
 *      https://DOMAIN/.well-known/autoconfig/mail/config-v1.1.xml
 *
 * and nowhere else, so that nobody but the domain learns of it; and only by HTTPS, so that it is the domain that
 * speaks. What is found is a line of standard output, fields separated by tabs; nothing is one too:
 *
 *      found     HOST PORT TLS USER     TLS "implicit" or "starttls", USER "address" or "local-part"
 *      none
 */

/* Return: the exit status: 0 found or none, 2 @domain is no domain. */
int find_server_run(const char *domain);
