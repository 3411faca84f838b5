import Foundation

/// The memory of this process, as the system counts it; 0 where it cannot say.
enum MemoryUse {
    /// Bytes in physical memory now.
    static func resident() -> Int { status("VmRSS:") }

    /// The most bytes there were since the start, or since `forgetPeak`.
    static func peak() -> Int { status("VmHWM:") }

    /// Lets `peak` start again from now.
    static func forgetPeak() {
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        try? file.write(contentsOf: Data("5".utf8))
        try? file.close()
    }

    private static func status(_ key: String) -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
            return 0
        }
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            let words = line.dropFirst(key.count).split(whereSeparator: \.isWhitespace)
            return (words.first.flatMap { Int($0) } ?? 0) * 1024
        }
        return 0
    }
}
