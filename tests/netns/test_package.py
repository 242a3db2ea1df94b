# SPDX-License-Identifier: GPL-2.0-only
"""The Debian package: built, looked at by lintian, and used from installation to removal in a fresh
Debian 12 with its own kernel and systemd, in a virtual machine."""
import glob
import os
import re
import shutil
import subprocess

import pytest

import hosts
from daemon import BUILD, ROOT

MACHINE = os.path.join(ROOT, "tests", "packaging", "in_machine.sh")
BASE = ["systemd-sysv", "dbus", "udev", "linux-image-cloud-amd64", "iproute2", "iputils-ping",
        "procps"]
BUILD_S, DEBIAN_S, MACHINE_S = 900, 900, 1500
DISK = "2G"
SERVICE = """\
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash -c '/root/in_machine.sh >/dev/ttyS1 2>&1; \
journalctl -u natgwd --no-pager >/dev/ttyS1; sync; systemctl poweroff -ff'
"""

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def no_time_limit():
    """A machine without hardware virtualisation takes minutes: the limits here are of each step."""
    import conftest
    kept = conftest.TEST_LIMIT_S
    conftest.TEST_LIMIT_S = BUILD_S + DEBIAN_S + MACHINE_S
    yield
    conftest.TEST_LIMIT_S = kept


@pytest.fixture(scope="module")
def package():
    result = hosts.run("make", "-s", "-C", ROOT, f"B={BUILD}", "deb", timeout=BUILD_S)
    path = result.stdout.split()[-1]
    path = os.path.join(ROOT, path)
    assert os.path.exists(path), result.stdout
    return path


def field(package, name):
    return hosts.run("dpkg-deb", "-f", package, name).stdout.strip()


def test_lintian_finds_no_error(package):
    result = hosts.run("lintian", "--allow-root", "--fail-on", "error,warning", package,
                       check=False, timeout=300)
    assert result.returncode == 0, result.stdout


def test_the_tree_stays_clean(package):
    assert os.path.dirname(package) == os.path.join(os.path.abspath(BUILD), "deb")
    assert not os.path.exists(os.path.join(ROOT, "debian"))
    assert not os.path.exists(os.path.join(ROOT, "packaging", "debian", "changelog"))
    assert not os.path.exists(os.path.join(os.path.dirname(package), "natgw"))


def test_everything_that_is_needed_to_build_is_named():
    with open(os.path.join(ROOT, "tests", "setup.sh"), encoding="utf-8") as file:
        listed = re.search(r"^build_packages=\((.*?)\)", file.read(), re.MULTILINE | re.DOTALL)
    with open(os.path.join(ROOT, "packaging", "debian", "control"), encoding="utf-8") as file:
        depends = file.read().partition("Build-Depends:")[2].partition("\nStandards")[0]
    named = {line.split()[0].rstrip(",") for line in depends.splitlines() if line.strip()}
    always = {"gcc", "libc6-dev", "make"}  # of build-essential
    assert set(listed.group(1).split()) - always == named - {"debhelper-compat"}


@pytest.fixture
def debian(tmp_path, package):
    """A folder with a fresh Debian 12, what the package depends on, and the package in /root."""
    root = tmp_path / "debian"
    depends = [alternative.split("|")[0].split("(")[0].strip()
               for alternative in field(package, "Depends").split(",")]
    hosts.run("mmdebstrap", "--variant=apt", f"--include={','.join(BASE + depends)}", "bookworm",
              str(root), timeout=DEBIAN_S)
    shutil.copy(package, root / "root" / "natgw.deb")
    newer = tmp_path / "newer"
    hosts.run("dpkg-deb", "-R", package, str(newer))
    control = newer / "DEBIAN" / "control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+newer", control.read_text(),
                              flags=re.MULTILINE))
    hosts.run("dpkg-deb", "-b", "--root-owner-group", str(newer), str(root / "root/newer.deb"))
    shutil.copy(MACHINE, root / "root")
    (root / "etc/systemd/system/natgw-test.service").write_text(SERVICE)
    (root / "etc/systemd/system/multi-user.target.wants").mkdir(exist_ok=True)
    os.symlink("../natgw-test.service",
               root / "etc/systemd/system/multi-user.target.wants/natgw-test.service")
    yield root
    shutil.rmtree(root, ignore_errors=True)


def boot(root, tmp_path):
    """Runs the machine until it is off; what it has said on its second serial port."""
    disk, output, console = (tmp_path / name for name in ("disk", "output", "console"))
    hosts.run("mke2fs", "-q", "-t", "ext4", "-d", str(root), str(disk), DISK, timeout=300)
    kernel, = glob.glob(f"{root}/boot/vmlinuz-*")
    initrd, = glob.glob(f"{root}/boot/initrd.img-*")
    command = ["qemu-system-x86_64", "-M", "q35", "-smp", "2", "-m", "1G", *acceleration(),
               "-nodefaults", "-display", "none", "-no-reboot", "-nic", "none",
               "-serial", f"file:{console}", "-serial", f"file:{output}",
               "-drive", f"file={disk},if=virtio,format=raw", "-kernel", kernel,
               "-initrd", initrd, "-append", "root=/dev/vda rw console=ttyS0 quiet panic=-1"]
    try:
        subprocess.run(command, timeout=MACHINE_S, check=True)
    except subprocess.TimeoutExpired:
        pass  # what it said until then tells more
    finally:
        disk.unlink()
    return (output.read_text(errors="replace") if output.exists()
            else console.read_text(errors="replace"))


def acceleration():
    """Hardware virtualisation where it is whole."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        whole = re.search(r"^flags\s*:.*\b(vmx|svm)\b", file.read(), re.MULTILINE)
    if whole and os.access("/dev/kvm", os.W_OK):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", "max"]


def test_from_installation_to_removal(debian, tmp_path):
    said = boot(debian, tmp_path)
    print(said)
    failed = re.findall(r"^not ok .*", said, re.MULTILINE)
    assert not failed, "\n".join(failed)
    assert re.search(r"^done\r?$", said, re.MULTILINE), said[-2000:]
    assert len(re.findall(r"^ok ", said, re.MULTILINE)) >= 35
