/// Prometheus' text exposition format, version 0.0.4.
enum MetricsText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// `label` with all characters that a metric's name cannot have replaced.
    static func name(_ label: String) -> String {
        var name = ""
        for scalar in label.unicodeScalars {
            let isLetter = scalar.isASCII && (scalar.properties.isAlphabetic || scalar == "_")
            let isDigit = ("0"..."9").contains(scalar)
            name.unicodeScalars.append(
                isLetter || scalar == ":" || (isDigit && !name.isEmpty) ? scalar : "_")
        }
        return name
    }

    /// `a="b",c="d"`, by name; empty without labels.
    static func labels(_ labels: [(String, String)]) -> String {
        labels.sorted { $0.0 < $1.0 }
            .map { "\(name($0.0).replacing(":", with: "_"))=\"\(escaped($0.1))\"" }
            .joined(separator: ",")
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: "\\n")
    }

    static func render(
        _ families: [String: MetricsRegistry.Family], _ readings: [MetricsRegistry.Reading]
    ) -> [UInt8] {
        let read = Dictionary(grouping: readings, by: \.name)
        var out = ""
        for name in Set(families.keys).union(read.keys).sorted() {
            let family = families[name] ?? [:]
            out += "# HELP \(name) \(MetricCatalog.help(of: name))\n"
            out += "# TYPE \(name) \(type(of: family, named: name))\n"
            for (labels, instrument) in family.sorted(by: { $0.key < $1.key }) {
                append(instrument, name, labels, to: &out)
            }
            for reading in read[name] ?? [] {
                line(name, labels(reading.labels), number(reading.value), to: &out)
            }
        }
        return Array(out.utf8)
    }

    private static func type(of family: MetricsRegistry.Family, named name: String) -> String {
        switch family.values.first {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        // Readings: what only grows says so by its name.
        case nil: name.hasSuffix("_total") ? "counter" : "gauge"
        }
    }

    private static func append(
        _ instrument: MetricsRegistry.Instrument, _ name: String, _ labels: String,
        to out: inout String
    ) {
        switch instrument {
        case .counter(let cell): line(name, labels, String(cell.value), to: &out)
        case .gauge(let cell): line(name, labels, number(cell.value), to: &out)
        case .histogram(let cell):
            let snapshot = cell.snapshot
            let separator = labels.isEmpty ? "" : ","
            var total: Int64 = 0
            for (index, count) in snapshot.counts.enumerated() {
                total += count
                let bound = index < cell.bounds.count ? number(cell.bounds[index]) : "+Inf"
                line(
                    name + "_bucket", "\(labels)\(separator)le=\"\(bound)\"", String(total),
                    to: &out)
            }
            line(name + "_sum", labels, number(snapshot.sum), to: &out)
            // The count is that of the buckets, so that the two agree whatever is recorded now.
            line(name + "_count", labels, String(total), to: &out)
        }
    }

    private static func line(
        _ name: String, _ labels: String, _ value: String, to out: inout String
    ) {
        out += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(whole) < 1 << 53 { return String(whole) }
        return value.description
    }
}
