"""Hooks: what they are told, and what becomes of those that hang, fail, flood or leave a child behind."""

import os
import pathlib
import random
import signal

from rig import case, hooks, populate, wait_until


class Hooks(case.SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.server()
        self.rng = random.Random(11)
        self.remote = self.session(self.dovecot)
        populate.fill(self.remote, ["INBOX", "list"], 3, holes=False)
        self.change = hooks.Recorder(self.directory, "change")
        self.new = hooks.Recorder(self.directory, "new")

    def start(self, **settings):
        """A daemon that is in sync, and has told its hooks of what was there at the beginning."""
        settings = {"hook-delay": "100ms"} | {key.replace("_", "-"): text for key, text in settings.items()}
        self.account_ = self.account(self.dovecot, settings={"hook-delay": "100ms"})
        self.once(self.account_)
        self.account_.settings |= settings
        self.account_.write_config()
        self.daemon = self.enterContext(self.account_.daemon())
        self.daemon.wait_in_sync()
        self.inbox = self.account_.tree.folder("INBOX")
        return self.daemon

    def append(self, count=1, mailbox="INBOX", flags=()):
        for _ in range(count):
            self.remote.append(mailbox, populate.message(self.rng, "new"), flags)

    def warning(self):
        return self.account_.ctl_json("status")[0]["warning"]

    def wait_for(self, recorder, what, count):
        wait_until(lambda: recorder.count(what) >= count, f"the hook is told of {count} {what}")
        self.assertEqual(recorder.count(what), count)

    def finish(self, messages):
        """Nothing is lost: both sides are the same and INBOX holds so many."""
        self.daemon.wait_in_sync()
        self.assertEqual(len(self.assert_equal_sides(self.account_, self.dovecot)["INBOX"]), messages)

    # --- what they are told ---

    def test_new_changed_removed(self):
        """Each with its count and its path; on-new of new mail alone."""
        self.start(on_change=self.change.command(), on_new=self.new.command())
        self.append(2)
        self.wait_for(self.change, "new", 2)
        self.wait_for(self.new, "new", 2)
        for recorder in (self.change, self.new):
            self.assertEqual(len(recorder.paths()), 2)
            for path in recorder.paths():
                self.assertIn(pathlib.Path(path), self.inbox.files())
        told = self.change.told()[0]
        self.assertEqual((told["account"], told["mailboxes"], told["event"], told["paths"], told["maildir"]),
                         ("test", "INBOX", "change", "complete", str(self.account_.maildir)))
        self.assertEqual(self.new.told()[0]["event"], "new")

        self.remote.select("INBOX")
        uid = str(self.remote.uids()[-1])
        self.remote.store(uid, "+", ["\\Flagged"])
        self.wait_for(self.change, "changed", 1)
        changed = pathlib.Path(self.change.paths()[-1])
        self.assertIn(changed, self.inbox.files())
        self.assertIn("F", changed.name.partition(":2,")[2])

        self.remote.store(uid, "+", ["\\Deleted"])
        self.wait_for(self.change, "changed", 2)
        changed = pathlib.Path(self.change.paths()[-1])
        self.remote.expunge(uid)
        self.wait_for(self.change, "removed", 1)
        self.assertEqual(pathlib.Path(self.change.paths()[-1]), changed)
        self.assertEqual(self.new.count("new"), 2)
        self.finish(4)

    def test_moved(self):
        """A message that was moved there is moved here: not new, and its path is where it is now."""
        self.start(on_change=self.change.command(), on_new=self.new.command())
        self.remote.select("INBOX")
        self.remote.move(self.remote.uids()[0], "list")
        self.wait_for(self.change, "changed", 1)
        self.assertEqual(self.change.count("new") + self.change.count("removed"), 0)
        self.assertIn(pathlib.Path(self.change.paths()[0]), self.account_.tree.folder("list").files())
        self.assertEqual(self.new.told(), [])
        self.finish(2)

    def test_own_changes(self):
        """What another program does here is no news, unless asked for."""
        self.start(on_change=self.change.command(), on_new=self.new.command())
        path = self.inbox.files()[0]
        self.inbox.set_flags(path, {"\\Seen", "\\Flagged"})
        self.inbox.deliver(populate.message(self.rng, "mine"), "17.mine.host")
        self.daemon.wait_in_sync()
        self.append()
        self.wait_for(self.change, "new", 1)
        self.assertEqual([run["changed"] for run in self.change.told()], ["0"])
        self.assertEqual(self.change.count("local"), 0)
        self.finish(5)

    def test_own_changes_asked_for(self):
        self.start(on_change=self.change.command(), on_new=self.new.command(), hook_local="yes")
        self.inbox.deliver(populate.message(self.rng, "mine"), "17.mine.host")
        self.wait_for(self.change, "local", 1)
        self.assertEqual(self.change.told()[0]["paths"], "incomplete")
        self.assertEqual(self.new.told(), [])
        self.finish(4)

    def test_mailboxes(self):
        """Only those that are wanted."""
        self.start(on_change=self.change.command(), hook_mailboxes="list")
        self.append()
        self.append(mailbox="list")
        self.wait_for(self.change, "new", 1)
        self.daemon.wait_in_sync()
        self.assertEqual([run["mailboxes"] for run in self.change.told()], ["list"])

    def test_burst(self):
        """Mail that comes together is told together."""
        self.start(on_change=self.change.command(), hook_delay="1s")
        self.append(30)
        self.wait_for(self.change, "new", 30)
        self.assertLess(len(self.change.told()), 6)
        self.assertEqual(len(set(self.change.paths())), 30)

    def test_many(self):
        """More than fits is counted, and the list says that it is not complete."""
        self.start(on_change=self.change.command(), hook_delay="5s")
        self.remote.create("big")
        populate.fill_small(self.remote, "big", 10050)
        wait_until(self.change.told, "the hook is run", deadline=240)
        told = self.change.told()[0]
        wait_until(lambda: self.change.count("new") == 10050, "all were told", deadline=240)
        for run in self.change.told():
            lines = len(run["stdin"].splitlines())
            self.assertEqual(run["paths"], "complete" if lines == int(run["new"]) else "incomplete")
            self.assertLessEqual(lines, 10000)
        self.assertEqual(told["mailboxes"], "big")

    def test_local_server(self):
        """No files, no paths: the counts all the same."""
        local = self.server(name="local")
        self.account_ = self.account(self.dovecot, settings={
            "hook-delay": "100ms", "on-change": self.change.command()})
        self.account_.use_local_server(local)
        daemon = self.enterContext(self.account_.daemon())
        daemon.wait_in_sync()
        self.wait_for(self.change, "new", 6)
        self.append()
        self.wait_for(self.change, "new", 7)
        self.assertEqual({run["paths"] for run in self.change.told()}, {"incomplete"})
        self.assertEqual(self.change.paths(), [])

    def test_local_server_stop(self):
        """What was not told before the daemon stopped is told after, once."""
        local = self.server(name="local")
        self.account_ = self.account(self.dovecot, settings={
            "hook-delay": "1h", "on-change": self.change.command()})
        self.account_.use_local_server(local)
        daemon = self.enterContext(self.account_.daemon())
        daemon.wait_in_sync()
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.change.told(), [])
        self.account_.settings["hook-delay"] = "100ms"
        self.account_.write_config()
        for _ in range(2):
            daemon = self.enterContext(self.account_.daemon())
            daemon.wait_in_sync()
            self.wait_for(self.change, "new", 6)
            self.assertEqual(daemon.stop(), 0)
        self.assertEqual(len(self.change.told()), 1)

    # --- once ---

    def test_once(self):
        """At the end, and it is waited for."""
        account = self.account(self.dovecot, settings={
            "on-change": self.change.command(), "on-new": self.new.command(), "hook-delay": "1h"})
        self.once(account)
        self.assertEqual([run["new"] for run in self.change.told()], ["6"])
        self.assertEqual([run["new"] for run in self.new.told()], ["6"])
        self.once(account)
        self.assertEqual(len(self.change.told()), 1)
        self.assertEqual(len(self.new.told()), 1)

    def test_dry_run(self):
        account = self.account(self.dovecot, settings={"on-change": self.change.command()})
        self.once(account, "--dry-run")
        self.assertEqual(self.change.told(), [])

    def test_once_hangs(self):
        account = self.account(self.dovecot, settings={"on-change": "sleep 600", "hook-timeout": "1s"})
        result = self.once(account)
        self.assertIn("on-change was ended: it took longer than 1 s", result.err)
        self.assert_equal_sides(account, self.dovecot)

    # --- those that go wrong ---

    def test_hangs(self):
        """It is ended with its group in time, mail goes on meanwhile, and the next one is told of all."""
        pids = self.directory / "pids"
        marker = self.directory / "hang"
        marker.touch()
        script = (f"if [ -e {marker} ]; then trap '' TERM; sh -c 'trap \"\" TERM; echo $$ >>{pids}; sleep 600' & "
                  f"echo $$ >>{pids}; echo waiting; wait; sleep 600; fi; {self.change.command()}")
        self.start(on_change=script, hook_timeout="3s")
        self.append()
        wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the hook runs")
        self.append()
        wait_until(lambda: len(self.inbox.files()) == 5, "mail comes while it hangs")
        wait_until(self.warning, "it is ended")
        self.assertEqual(self.warning(), "on-change was ended: it took longer than 3 s: waiting")
        for pid in pids.read_text().split():
            wait_until(lambda: not os.path.exists(f"/proc/{pid}") or
                       "\nState:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text(), f"{pid} is dead")
        marker.unlink()
        self.append()
        self.wait_for(self.change, "new", 3)
        wait_until(lambda: self.warning() == "", "the warning is taken back")
        self.assertEqual(len(set(self.change.paths())), 3)
        self.finish(6)

    def test_fails(self):
        """It says so with its last line, and what it was told of is told again."""
        marker = self.directory / "fail"
        marker.touch()
        self.start(on_change=f"if [ -e {marker} ]; then echo locked >&2; exit 3; fi; {self.change.command()}")
        self.append()
        wait_until(self.warning, "it has failed")
        self.assertEqual(self.warning(), "on-change exited with status 3: locked")
        status = self.account_.ctl("status")
        self.assertEqual(status.status, 0)
        self.assertIn("on-change exited with status 3: locked", status.out)
        self.assertEqual(self.account_.ctl_json("status")[0]["state"], "in sync")
        marker.unlink()
        self.append()
        self.wait_for(self.change, "new", 2)
        self.assertEqual(len(set(self.change.paths())), 2)
        wait_until(lambda: self.warning() == "", "the warning is taken back")
        self.finish(5)

    def test_fails_and_is_asked_for(self):
        """Once it is mended, nobody has to wait for the next mail."""
        marker = self.directory / "fail"
        marker.touch()
        self.start(on_new=f"if [ -e {marker} ]; then exit 3; fi; {self.new.command()}")
        self.append()
        wait_until(self.warning, "it has failed")
        marker.unlink()
        self.assertEqual(self.account_.ctl("sync").status, 0)
        self.wait_for(self.new, "new", 1)
        wait_until(lambda: self.warning() == "", "the warning is taken back")
        self.finish(4)
        self.assertEqual(len(self.new.told()), 1)

    def test_is_killed(self):
        self.start(on_change="kill -SEGV $$")
        self.append()
        wait_until(self.warning, "it has failed")
        self.assertEqual(self.warning(), "on-change was killed by signal 11 (SIGSEGV)")
        self.finish(4)

    def test_is_not_there(self):
        self.start(on_change="/no/such/program")
        self.append()
        wait_until(self.warning, "it has failed")
        self.assertIn("on-change exited with status 127", self.warning())
        self.finish(4)

    def test_floods(self):
        """Of its output the first lines are logged; mail goes on meanwhile."""
        self.start(on_change="yes flood", hook_timeout="3s")
        self.append()
        wait_until(lambda: self.daemon.log().count("on-change: flood") == 10, "it floods")
        self.append()
        wait_until(lambda: len(self.inbox.files()) == 5, "mail comes while it floods")
        wait_until(self.warning, "it is ended")
        # Ended in the middle of a line, maybe.
        self.assertRegex(self.warning(), "^on-change was ended: it took longer than 3 s: fl?o{0,2}d?$")
        wait_until(lambda: self.daemon.log().count(" more lines") >= 1, "the rest is counted")
        self.assertLess(len(self.daemon.log()), 20000)
        self.finish(5)

    def test_does_not_read(self):
        """A pipe that is full, and a reader that is gone, are no failure."""
        self.start(on_change=f"exec <&-; {self.change.command()} </dev/null; true", hook_delay="5s")
        self.remote.create("big")
        populate.fill_small(self.remote, "big", 2000)
        wait_until(lambda: self.change.count("new") == 2000, "it has run", deadline=120)
        self.assertEqual(self.warning(), "")
        self.daemon.wait_in_sync()

    def test_leaves_a_child(self):
        """It is over when the shell has ended, whoever still holds its pipes."""
        pid_file = self.directory / "pid"
        self.start(on_change=f"sleep 600 & echo $! >{pid_file}; {self.change.command()}", hook_timeout="1h")
        self.append()
        self.wait_for(self.change, "new", 1)
        self.addCleanup(os.kill, int(pid_file.read_text()), signal.SIGKILL)
        pid_file.unlink()
        self.append()
        self.wait_for(self.change, "new", 2)
        self.addCleanup(os.kill, int(pid_file.read_text()), signal.SIGKILL)
        self.finish(5)

    def test_stop(self):
        """The daemon stops in time and takes its hook along; the next one is told of what it missed."""
        pid_file = self.directory / "pid"
        self.start(on_change=f"trap '' TERM; echo $$ >{pid_file}; while :; do sleep 1; done", hook_timeout="1h")
        self.append()
        pid = int(wait_until(lambda: pid_file.exists() and pid_file.read_text(), "the hook runs"))
        self.append()
        wait_until(lambda: len(self.inbox.files()) == 5, "there is more to tell")
        self.assertEqual(self.daemon.stop(), 0)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}") or
                   "\nState:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text(), "it is dead")
        self.account_.settings["on-change"] = self.change.command()
        self.account_.write_config()
        self.daemon = self.enterContext(self.account_.daemon())
        self.wait_for(self.change, "new", 2)
        self.assertEqual(self.change.told()[0]["paths"], "incomplete")
        self.finish(5)
        self.daemon.stop()
        self.daemon = self.enterContext(self.account_.daemon())
        self.append()
        self.wait_for(self.change, "new", 3)

    def test_reload(self):
        """A changed hook is the one that is run from now on."""
        self.start(on_change=self.change.command())
        self.account_.settings["on-change"] = self.new.command()
        self.account_.write_config()
        self.assertEqual(self.account_.ctl("reload").status, 0)
        self.daemon.wait_in_sync()
        self.append()
        self.wait_for(self.new, "new", 1)
        self.assertEqual(self.change.told(), [])
