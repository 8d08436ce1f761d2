"""InterIMAP's configuration for two servers: one on the link, one behind a command."""

from rig.dovecot import PASSWORD


def configure(home, host, port, user, tunnel):
    """Write it below home, and return the environment that finds it there. COMPRESS is on by default."""
    config, data = home / "config" / "interimap", home / "data" / "interimap"
    config.mkdir(parents=True)
    data.mkdir(parents=True)
    (config / "config").write_text(
        "database = remote.db\n"
        f"[local]\ntype = tunnel\ncommand = exec {tunnel}\nnull-stderr = YES\n"
        f"[remote]\ntype = imap\nhost = {host}\nport = {port}\nSTARTTLS = NO\n"
        f"auth = plain\nusername = {user}\npassword = {PASSWORD}\n"
    )
    (config / "config").chmod(0o600)
    return {"XDG_CONFIG_HOME": str(config.parent), "XDG_DATA_HOME": str(data.parent)}
