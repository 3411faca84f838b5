import Foundation

/// What the system knows about this process, under the names that Prometheus' own client
/// libraries use.
enum ProcessStatistics {
    /// When this was first asked for, which is when the service is set up; seconds since 1970.
    static let startTime = Date.now.timeIntervalSince1970.rounded()

    /// Resident and virtual memory, processor time, open files; only what the system tells.
    static func readings() -> [MetricsRegistry.Reading] {
        var readings: [MetricsRegistry.Reading] = []
        #if os(Linux)
            let page = Double(sysconf(Int32(_SC_PAGESIZE)))
            let memory = fields(of: "/proc/self/statm")
            if memory.count >= 2 {
                readings.append(.init("process_virtual_memory_bytes", [], memory[0] * page))
                readings.append(.init("process_resident_memory_bytes", [], memory[1] * page))
            }
            if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
                readings.append(.init("process_open_fds", [], Double(files.count)))
            }
        #endif
        var usage = rusage()
        let status = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        if status == 0 {
            let seconds = [usage.ru_utime, usage.ru_stime].reduce(0.0) {
                $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6
            }
            readings.append(.init("process_cpu_seconds_total", [], seconds))
        }
        return readings
    }

    /// The numbers in a one-line file of the kernel's.
    private static func fields(of path: String) -> [Double] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: " ").compactMap {
            Double($0)
        }
    }
}
