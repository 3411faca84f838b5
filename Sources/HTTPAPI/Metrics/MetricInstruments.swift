import CoreMetrics
import Synchronization

// What swift-metrics' handles write into. Each is a handful of atomic cells: recording takes no
// lock and never waits, and a scrape reads them as they are.

/// A number that only grows.
final class CounterCell: CounterHandler {
    private let cell = Atomic<Int64>(0)

    var value: Int64 { cell.load(ordering: .relaxed) }

    func increment(by amount: Int64) { cell.wrappingAdd(amount, ordering: .relaxed) }

    func reset() { cell.store(0, ordering: .relaxed) }
}

/// A number that goes up and down.
final class GaugeCell: MeterHandler, RecorderHandler {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Int64) { set(Double(value)) }

    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func increment(by amount: Double) { bits.add(amount) }

    func decrement(by amount: Double) { bits.add(-amount) }

    func record(_ value: Int64) { set(value) }

    func record(_ value: Double) { set(value) }
}

/// Counts by bucket, and the sum.
final class HistogramCell: RecorderHandler, TimerHandler {
    /// What was seen up to a moment.
    struct Snapshot {
        /// One more than there are bounds: the last is what exceeds them all. Not cumulative.
        let counts: [Int64]
        let sum: Double
    }

    /// The buckets' upper bounds, ascending.
    let bounds: [Double]
    private let counts: [CounterCell]
    private let sum = Atomic<UInt64>(0)

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = (0...bounds.count).map { _ in CounterCell() }
    }

    var snapshot: Snapshot {
        Snapshot(
            counts: counts.map(\.value), sum: Double(bitPattern: sum.load(ordering: .relaxed)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) { record(value, times: 1) }

    /// The same value for several things, such as the texts of a request. What is not finite would
    /// spoil the sum for good and is dropped.
    func record(_ value: Double, times: Int) {
        guard value.isFinite, times > 0 else { return }
        counts[bucket(of: value)].increment(by: Int64(times))
        sum.add(value * Double(times))
    }

    /// Durations are kept in seconds, Prometheus' unit.
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    /// The first bucket whose bound is not below `value`.
    private func bucket(of value: Double) -> Int {
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension Atomic<UInt64> {
    /// Adds to the double whose bit pattern this is.
    fileprivate func add(_ amount: Double) {
        var old = load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, seen) = weakCompareExchange(
                expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = seen
        }
    }
}
