"""InterIMAP's configuration for two servers: one on the link, one behind a command."""

from rig.dovecot import PASSWORD


def configure(home, host, port, user, tunnel, ca_file=None):
    """Write it below home, and return the environment that finds it there. COMPRESS is on by default.
    ca_file: the port is one for TLS."""
    config, data = home / "config" / "interimap", home / "data" / "interimap"
    for folder in (config, data):
        folder.mkdir(parents=True, exist_ok=True)
    kind = f"type = imaps\nSSL_CAfile = {ca_file}\n" if ca_file else "type = imap\nSTARTTLS = NO\n"
    (config / "config").write_text(
        "database = remote.db\n"
        f"[local]\ntype = tunnel\ncommand = exec {tunnel}\nnull-stderr = YES\n"
        f"[remote]\n{kind}host = {host}\nport = {port}\n"
        f"auth = plain\nusername = {user}\npassword = {PASSWORD}\n"
    )
    (config / "config").chmod(0o600)
    return {"XDG_CONFIG_HOME": str(config.parent), "XDG_DATA_HOME": str(data.parent)}
