import Glibc

func removeFolder(_ path: String) { rmdir(path) }
