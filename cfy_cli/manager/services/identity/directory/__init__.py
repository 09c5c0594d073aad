"""Logins with the passwords of an LDAP directory."""
