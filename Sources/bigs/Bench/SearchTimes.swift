/// Times of one kind of search, in milliseconds.
struct SearchTimes {
    private(set) var times: [Double] = []

    mutating func add(since start: ContinuousClock.Instant) {
        times.append(Self.milliseconds(since: start))
    }

    var median: Double { times.sorted()[times.count / 2] }
    var slowest: Double { times.max() ?? 0 }

    static func milliseconds(since start: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - start) / .milliseconds(1)
    }
}

/// A table of numbers.
struct SearchTable {
    private let widths: [Int]

    /// Prints the heads of the columns.
    init(_ heads: [String]) throws {
        widths = heads.map { max(8, $0.count) }
        try row(heads)
    }

    func row(_ cells: [String]) throws {
        let padded = zip(cells, widths).enumerated().map { index, cell in
            let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return index == 0 ? cell.0 + space : space + cell.0
        }
        try StandardOutput.print(padded.joined(separator: "  "))
    }

    /// Two digits after the point.
    static func text(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
