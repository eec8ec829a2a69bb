#!/usr/bin/env python3
"""libFuzzer over every parser of foreign bytes, and what the corpus reaches in them.

`fuzz.py --seconds N` runs each target so long, as many at once as there are processors. What reaches a branch that nothing kept has reached
joins Corpus/TARGET; an input that crashes a parser, leaks, or takes too long is kept in Regressions/TARGET, where an ordinary test replays it
ever after. Then, and with `--coverage` alone, what is kept is run once more, and for each target the share of its parser's code that it
reaches is printed and held against floors.json; `--missing` shows the lines that nothing reaches. The instrumented build is apart from every
other: .build_fuzz.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
SCRATCH = ROOT / '.build_fuzz'
FUZZER = SCRATCH / 'release/fuzzer'
FLOORS = FOLDER / 'floors.json'
TOOLS = Path(shutil.which('swift') or '/usr/bin/swift').resolve().parent  # llvm-cov must be the compiler's own
INPUT_LIMIT_BYTES, CORPUS_LIMIT_BYTES = 16_384, 1_700_000
UNIT_LIMIT_SECONDS, MEMORY_LIMIT_MIB, SPARE_SECONDS = 10, 1536, 300
LIMITS = [f'-timeout={UNIT_LIMIT_SECONDS}', f'-rss_limit_mb={MEMORY_LIMIT_MIB}', f'-max_len={INPUT_LIMIT_BYTES}']


def build():
    """The two sanitizers are named in one argument: of two, the second takes away the coverage that the fuzzer is steered by. SwiftPM must
    know of the fuzzer too, or it renames main, which is libFuzzer's."""
    flags = ['-sanitize=fuzzer,address', '-profile-generate', '-profile-coverage-mapping']
    subprocess.run(['swift', 'build', '--scratch-path', str(SCRATCH), '-c', 'release', '--product', 'fuzzer', '--sanitize', 'fuzzer',
                    *(part for flag in flags for part in ('-Xswiftc', flag))], cwd=ROOT, env={**os.environ, 'DUSTCLOUD_FUZZ': '1'}, check=True)


def run(name, folder, arguments, limit, profile=os.devnull):
    """Runs the instrumented program on one target, in a folder where it leaves what it finds."""
    environment = {**os.environ, 'DUSTCLOUD_FUZZ_TARGET': name, 'LLVM_PROFILE_FILE': str(profile), 'SWIFT_BACKTRACE': 'enable=no'}
    return subprocess.run([str(FUZZER), *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors='replace', timeout=limit)


def targets():
    """Names and source files, as the tables in Targets/ have them."""
    listing = run('', FOLDER, [], 60).stdout
    return {name: files.split(',') for name, files in re.findall(r'^target (\S+) (\S+)$', listing, re.M)}


def kept(name):
    return [str(folder) for folder in (FOLDER / 'Corpus' / name, FOLDER / 'Regressions' / name) if folder.is_dir()]


def keep(kind, name, source):
    """Into the repository, under the beginning of its digest, which libFuzzer has made its name."""
    folder = FOLDER / kind / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / source.name.split('-')[-1][:12])


def fuzz(name, seconds):
    """Fuzzes one target, keeps what is worth it, and says whether nothing broke."""
    with tempfile.TemporaryDirectory(prefix='dustcloud-fuzz-') as scratch:
        folder = Path(scratch)
        for part in ('new', 'merged'):
            (folder / part).mkdir()
        done = run(name, folder, ['new', *kept(name), f'-max_total_time={seconds}', *LIMITS], seconds + SPARE_SECONDS)
        broken = [path for path in folder.iterdir() if path.name.split('-')[0] in ('crash', 'leak', 'timeout', 'oom')]
        for path in broken:
            keep('Regressions', name, path)
        # Of the new ones only those that reach an edge no other reaches; how often an edge is passed is for the run itself.
        for path in kept(name):
            shutil.copytree(path, folder / 'merged', dirs_exist_ok=True)
        before = {path.name for path in (folder / 'merged').iterdir()}
        run(name, folder, ['-merge=1', '-use_counters=0', 'merged', 'new', *LIMITS], SPARE_SECONDS)
        added = [path for path in (folder / 'merged').iterdir() if path.name not in before]
        for path in added:
            keep('Corpus', name, path)
    runs, edges = re.search(r'Done (\d+) runs', done.stdout), re.findall(r'cov: (\d+)', done.stdout)
    print(f'{name}: {runs[1] if runs else "?"} runs, {edges[-1] if edges else "?"} edges, {len(added)} inputs kept', flush=True)
    if done.returncode or broken:
        print(f'{name} BROKE on {[path.name for path in broken]}:\n{done.stdout[-3000:]}', flush=True)
    return not done.returncode and not broken


def measure(name, files, shows_missing):
    """Runs what is kept of a target, and counts the regions of its parser's files that were entered; in percent, with their number."""
    with tempfile.TemporaryDirectory(prefix='dustcloud-coverage-') as scratch:
        raw, merged = Path(scratch) / 'raw', Path(scratch) / 'merged'
        run(name, scratch, ['-runs=0', *kept(name), *LIMITS], SPARE_SECONDS, profile=raw)
        subprocess.run([TOOLS / 'llvm-profdata', 'merge', '-sparse', raw, '-o', merged], check=True)
        paths = [str(ROOT / 'Sources' / file) for file in files]

        def look(*what):
            return subprocess.run([TOOLS / 'llvm-cov', *what, f'-instr-profile={merged}', FUZZER, *paths], stdout=subprocess.PIPE, check=True, text=True).stdout

        if shows_missing:
            print('\n'.join(line for line in look('show').splitlines() if re.match(r'\s*\d+\|\s*0\||^/', line)))
        regions = json.loads(look('export', '-summary-only'))['data'][0]['totals']['regions']
    return 100 * regions['covered'] // max(1, regions['count']), regions['count']


def check_coverage(table, floors, shows_missing):
    low = []
    for name, files in table.items():
        share, count = measure(name, files, shows_missing)
        print(f'{name}: {share} % of {count} regions in {", ".join(Path(file).stem for file in files)}', flush=True)
        if share < floors[name]:
            low.append(f'{name}: {share} %, floor {floors[name]} %')
    print('\n'.join(['below the floor:', *low]) if low else 'every parser is reached as far as its floor asks')
    return not low


def corpus_fits():
    size = sum(path.stat().st_size for path in (FOLDER / 'Corpus').rglob('*') if path.is_file())
    print(f'the corpus has {size:,} bytes')
    return size <= CORPUS_LIMIT_BYTES


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=int, default=0, help='how long each target is fuzzed')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='how many at once')
    parser.add_argument('--target', action='append', help='only this one; may be repeated')
    parser.add_argument('--coverage', action='store_true', help='measure coverage (always done after fuzzing)')
    parser.add_argument('--missing', action='store_true', help='show the lines that nothing kept reaches')
    chosen = parser.parse_args()
    build()
    table = targets()
    assert table and not set(chosen.target or []) - set(table), f'the targets are {", ".join(table)}'
    table = {name: files for name, files in table.items() if not chosen.target or name in chosen.target}
    good = True
    if chosen.seconds:
        with concurrent.futures.ThreadPoolExecutor(chosen.jobs) as pool:
            good = all(list(pool.map(lambda name: fuzz(name, chosen.seconds), table)))
    good = check_coverage(table, json.loads(FLOORS.read_text()), chosen.missing) and good
    return 0 if corpus_fits() and good else 1


if __name__ == '__main__':
    sys.exit(main())
