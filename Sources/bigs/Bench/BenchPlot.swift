import Foundation

/// A report as an SVG: the share of oneDNN's peak on the left, tokens a second on the right, by length.
struct BenchPlot {
    private let report: BenchReport
    private static let colors = ["float32": "#4477aa", "bfloat16": "#228833", "int8": "#cc6677"]
    private static let panel = (width: 380.0, height: 260.0)

    init(_ report: BenchReport) { self.report = report }

    private struct Line {
        let name: String
        let points: [(length: Double, value: Double)]
    }

    /// The picture.
    var svg: String {
        let title = "\(report.model), \(report.threads) threads, \(report.processor)"
        let speeds = lines { $0.tokensPerSecond }
        let top = speeds.flatMap { $0.points.map(\.value) }.max() ?? 1
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 360" \
            font-family="sans-serif" font-size="12">
            <rect width="960" height="360" fill="white"/>
            <text x="480" y="22" text-anchor="middle" font-size="14">\(escaped(title))</text>
            \(panel(x: 60, "share of oneDNN's peak, %", top: 100, lines { ($0.share ?? 0) * 100 }))
            \(panel(x: 540, "tokens a second", top: rounded(top), speeds))
            </svg>

            """
    }

    private func lines(_ value: (BenchRun) -> Double) -> [Line] {
        var names: [String] = []
        for run in report.runs {
            let name = name(run)
            if !names.contains(name) { names.append(name) }
        }
        return names.map { name in
            Line(
                name: name,
                points: report.runs.filter { self.name($0) == name }
                    .map { (Double($0.length), value($0)) }.sorted { $0.0 < $1.0 })
        }
    }

    private func name(_ run: BenchRun) -> String {
        run.batch == 1 ? run.dtype : "\(run.dtype) x \(run.batch)"
    }

    private func panel(x: Double, _ label: String, top: Double, _ lines: [Line]) -> String {
        let (width, height) = Self.panel
        let y = 50.0
        let lengths = Set(lines.flatMap { $0.points.map(\.length) }).sorted()
        let (low, high) = (log2(lengths.first ?? 1), log2(lengths.last ?? 2))
        func place(_ length: Double, _ value: Double) -> (x: Double, y: Double) {
            let along = high > low ? (log2(length) - low) / (high - low) : 0.5
            return (x + along * width, y + height * (1 - value / top))
        }
        var text = "<text x=\"\(x)\" y=\"\(y - 8)\">\(escaped(label))</text>\n"
        for step in 0...5 {
            let value = top * Double(step) / 5
            let at = place(lengths.first ?? 1, value).y
            text += "<line x1=\"\(x)\" x2=\"\(x + width)\" y1=\"\(at)\" y2=\"\(at)\" "
            text += "stroke=\"#dddddd\"/>\n<text x=\"\(x - 6)\" y=\"\(at + 4)\" "
            text += "text-anchor=\"end\">\(String(format: "%.0f", value))</text>\n"
        }
        for length in lengths {
            let at = place(length, 0)
            text += "<text x=\"\(at.x)\" y=\"\(at.y + 18)\" text-anchor=\"middle\">"
            text += "\(Int(length))</text>\n"
        }
        for (index, line) in lines.enumerated() {
            let type = String(line.name.split(separator: " ").first ?? "")
            let color = Self.colors[type] ?? "#777777"
            let points = line.points.map { point in
                let at = place(point.length, point.value)
                return String(format: "%.1f,%.1f", at.x, at.y)
            }
            text += "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\" "
            text += "points=\"\(points.joined(separator: " "))\"/>\n"
            text += "<text x=\"\(x + 8)\" y=\"\(y + 16 + 15 * Double(index))\" "
            text += "fill=\"\(color)\">\(escaped(line.name))</text>\n"
        }
        return text
    }

    private func rounded(_ value: Double) -> Double {
        let unit = pow(10, (log10(max(value, 1))).rounded(.down))
        return (value / unit).rounded(.up) * unit
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
