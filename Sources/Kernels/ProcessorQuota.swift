import Glibc

/// How many processors' time this process may use at once. A container's limit (`docker run --cpus`, a
/// pod's `limits.cpu`, systemd's `CPUQuota`) leaves all processors in sight; one that computes on more
/// than the limit is stopped for most of every period.
enum ProcessorQuota {
    /// The least limit of the control groups that the process is in (Linux's cgroup-v2.rst and
    /// sched-bwc.rst), in processors; nil where there is none. Paths begin at `root`, which is empty but
    /// in tests.
    static func read(root: String = "") -> Double? {
        var least: Double?
        for line in contents(root + "/proc/self/cgroup").split(separator: "\n") {
            // HIERARCHY:CONTROLLERS:PATH
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let mount = root + "/sys/fs/cgroup"
            let isUnified = fields[0] == "0" && fields[1].isEmpty
            let mounts =
                isUnified
                ? [mount, mount + "/unified"] : [mount + "/\(fields[1])", mount + "/cpu"]
            guard isUnified || fields[1].split(separator: ",").contains("cpu") else { continue }
            for folder in mounts.flatMap({ folders(from: $0, to: fields[2]) }) {
                let limit = isUnified ? unifiedLimit(in: folder) : limit(in: folder)
                if let limit { least = min(least ?? limit, limit) }
            }
        }
        return least
    }

    /// A mount point and the folders below it on the way to a group. A container may see its own group at
    /// the mount point, whatever its path is outside.
    private static func folders(from mount: String, to path: Substring) -> [String] {
        var folders = [mount]
        for name in path.split(separator: "/") where name != ".." {
            folders.append(folders[folders.count - 1] + "/\(name)")
        }
        return folders
    }

    /// Version 2: `QUOTA PERIOD` in microseconds, or "max" for none.
    private static func unifiedLimit(in folder: String) -> Double? {
        let fields = contents(folder + "/cpu.max").split { $0 == " " || $0 == "\n" }
        guard fields.count == 2 else { return nil }
        return ratio(fields[0], fields[1])
    }

    /// Version 1: one file each; a quota of -1 is none.
    private static func limit(in folder: String) -> Double? {
        let quota = contents(folder + "/cpu.cfs_quota_us").split(separator: "\n")
        let period = contents(folder + "/cpu.cfs_period_us").split(separator: "\n")
        guard let quota = quota.first, let period = period.first else { return nil }
        return ratio(quota, period)
    }

    private static func ratio(_ quota: Substring, _ period: Substring) -> Double? {
        guard let quota = Double(quota), let period = Double(period), quota > 0, period > 0 else {
            return nil
        }
        return quota / period
    }

    /// The first 64 KiB of a file as text; empty where it cannot be read.
    private static func contents(_ path: String) -> String {
        guard let file = fopen(path, "re") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
