import Glibc

/// The file of the convolution planner: a line for each class of lengths and number of states,
/// "float32 4096 64" and then "algorithm=seconds" for every candidate, the choice first. Of one kind
/// of processor; its name is part of the file's. A file that is not whole and right counts as none,
/// and is replaced.
struct PlanFile: Sendable {
    private static let header = "bigs convolution plan 5"
    private static let largest = 1 << 20

    let path: String

    /// The file of this machine; nil where none can be written.
    static func standard() -> PlanFile? {
        let name =
            Processor.name + (Processor.isVectorised ? "" : " portable")
            + (Processor.hasMatrixUnit(.bfloat16) ? " tiles" : "")
        let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        return CacheFolder.path().map {
            PlanFile(path: "\($0)/convolution-\(String(hash, radix: 16)).plan")
        }
    }

    /// What the file says about a class; if nothing, measures and adds it. Other processes wait
    /// meanwhile, so that all use what the first one found. Nil where the file cannot be written.
    func entry(
        _ key: ConvolutionPlanner.Key, measure: () -> ConvolutionPlanner.Entry
    ) -> ConvolutionPlanner.Entry? {
        CacheFile(path: path).exclusively {
            var entries = read() ?? [:]
            if let found = entries[key] { return found }
            let made = measure()
            entries[key] = made
            return write(entries) ? made : nil
        }
    }

    /// Everything in the file; nil if there is none or it is not right.
    func read() -> [ConvolutionPlanner.Key: ConvolutionPlanner.Entry]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: Self.largest)
        let count = fread(&bytes, 1, bytes.count, file)
        guard count < bytes.count, bytes[..<count].last == UInt8(ascii: "\n") else { return nil }
        let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
        guard lines.first == Self.header[...] else { return nil }
        var entries: [ConvolutionPlanner.Key: ConvolutionPlanner.Entry] = [:]
        for line in lines.dropFirst() {
            guard let (key, entry) = Self.parse(line) else { return nil }
            entries[key] = entry
        }
        return entries
    }

    private static func parse(
        _ line: Substring
    ) -> (ConvolutionPlanner.Key, ConvolutionPlanner.Entry)? {
        let words = line.split(separator: " ")
        guard words.count > 3, let length = Int(words[1]), length > 0,
            let states = Int(words[2]), states > 0,
            let storage: Storage = ["float32": .float32, "bfloat16": .bfloat16][words[0]]
        else { return nil }
        var times: [(algorithm: ConvolutionAlgorithm, seconds: Double)] = []
        for word in words.dropFirst(3) {
            let parts = word.split(separator: "=")
            guard parts.count == 2, let algorithm = ConvolutionAlgorithm(String(parts[0])),
                ConvolutionAlgorithm.candidates(length: length, states: states, storage)
                    .contains(algorithm),
                let seconds = Double(parts[1]), seconds > 0
            else { return nil }
            times.append((algorithm, seconds))
        }
        return (
            ConvolutionPlanner.Key(length: length, states: states, storage: storage),
            ConvolutionPlanner.Entry(length: length, times: times)
        )
    }

    /// Replaces the file, whole or not at all.
    private func write(
        _ entries: [ConvolutionPlanner.Key: ConvolutionPlanner.Entry]
    ) -> Bool {
        let lines = entries.map { key, entry in
            let name = key.storage == .float32 ? "float32" : "bfloat16"
            let times = entry.times.map { "\($0.algorithm)=\($0.seconds)" }
            return "\(name) \(key.length) \(key.states) \(times.joined(separator: " "))\n"
        }
        let text = Self.header + "\n" + lines.sorted().joined()
        return CacheFile(path: path).replace { path in
            guard let file = fopen(path, "w") else { return false }
            let written = fputs(text, file) >= 0
            return fclose(file) == 0 && written
        }
    }
}
