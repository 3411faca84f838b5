package import CoreMetrics
import Synchronization

/// swift-metrics' backend, and what `/metrics` shows of it.
///
/// Instruments are made once and held: only making them and a scrape take the lock.
package final class MetricsRegistry: MetricsFactory, Sendable {
    /// A value that is looked up when somebody asks, such as the store's size.
    package struct Reading: Sendable {
        /// A name of the catalog, its labels and its value.
        package let name: String
        /// Names with values, in their order.
        package let labels: [(String, String)]
        /// The number itself.
        package let value: Double

        /// A sample of a family.
        package init(_ name: String, _ labels: [(String, String)] = [], _ value: Double) {
            self.name = name
            self.labels = labels
            self.value = value
        }
    }

    enum Instrument {
        case counter(CounterCell)
        case gauge(GaugeCell)
        case histogram(HistogramCell)
    }

    /// Series by the text of their labels.
    typealias Family = [String: Instrument]

    /// More series than this of one name share the labels `{overflow="true"}`: no caller can make
    /// the registry grow without bound.
    static let maximumSeries = 1_024

    private let families = Mutex<[String: Family]>([:])

    /// A registry without any instrument.
    package init() {}

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(label, dimensions)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        aggregate ? histogram(label, dimensions) : gauge(label, dimensions)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions)
    }

    // Series live as long as the process: Prometheus would read one that comes back as a restart.
    package func destroyCounter(_: any CounterHandler) {}
    package func destroyMeter(_: any MeterHandler) {}
    package func destroyRecorder(_: any RecorderHandler) {}
    package func destroyTimer(_: any TimerHandler) {}

    func counter(_ label: String, _ labels: [(String, String)] = []) -> CounterCell {
        if case .counter(let cell) = instrument(label, labels, { .counter(CounterCell()) }) {
            return cell
        }
        return CounterCell()
    }

    func gauge(_ label: String, _ labels: [(String, String)] = []) -> GaugeCell {
        if case .gauge(let cell) = instrument(label, labels, { .gauge(GaugeCell()) }) {
            return cell
        }
        return GaugeCell()
    }

    func histogram(_ label: String, _ labels: [(String, String)] = []) -> HistogramCell {
        let made = instrument(label, labels) {
            .histogram(HistogramCell(bounds: MetricCatalog.bounds(of: label)))
        }
        if case .histogram(let cell) = made { return cell }
        return HistogramCell(bounds: [])
    }

    /// The instrument of a name and labels, the same one each time. One that is asked for as
    /// another kind than it is counts for nothing: the caller gets a cell that no scrape shows.
    private func instrument(
        _ label: String, _ labels: [(String, String)], _ make: () -> Instrument
    ) -> Instrument {
        let name = MetricsText.name(label)
        return families.withLock { families in
            var key = MetricsText.labels(labels)
            if let found = families[name]?[key] { return found }
            if let family = families[name], family.count >= Self.maximumSeries {
                key = MetricsText.labels([("overflow", "true")])
                if let found = family[key] { return found }
            }
            let made = make()
            families[name, default: [:]][key] = made
            return made
        }
    }

    /// The exposition: instruments and `readings`, by name.
    package func text(_ readings: [Reading] = []) -> [UInt8] {
        MetricsText.render(families.withLock { $0 }, readings)
    }
}
