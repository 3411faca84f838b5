import Synchronization

/// Which convolution is the fastest at a length, measured once per machine.
///
/// Lengths fall into classes, about three for each doubling; the choice depends on the class, the
/// model's number of states and how rows are stored, nothing else. It decides last bits, so it must not change from run to run: what
/// was measured is kept in `$XDG_CACHE_HOME/bigs`, the first process to measure a class decides for
/// all, and where nothing can be kept nothing is measured and `ConvolutionAlgorithm.usual` holds.
package final class ConvolutionPlanner: Sendable {
    /// What a class was measured at.
    package struct Entry: Sendable, Equatable {
        /// The longest length of the class.
        package let length: Int
        /// The choice first, then the losers; seconds for 32 channels on one thread.
        package let times: [(algorithm: ConvolutionAlgorithm, seconds: Double)]

        package static func == (a: Entry, b: Entry) -> Bool {
            a.length == b.length && a.times.elementsEqual(b.times, by: ==)
        }
    }

    struct Key: Hashable {
        let length: Int
        let states: Int
        let storage: Storage
    }

    static let shared = ConvolutionPlanner(file: PlanFile.standard())

    /// What this machine measured for a length, now if it has not; nil where it could not be kept, and
    /// so is not used.
    package static func measurements(length: Int, states: Int, _ precision: Precision) -> Entry? {
        shared.measurements(length: length, states: states, precision.storage)
    }

    /// The algorithm for a length on this machine.
    package static func choice(
        length: Int, states: Int, _ precision: Precision
    ) -> ConvolutionAlgorithm {
        shared.algorithm(length: length, states: states, precision.storage)
    }

    private struct State {
        var choices: [Key: ConvolutionAlgorithm] = [:]
    }

    private let file: PlanFile?
    private let state = Mutex(State())

    init(file: PlanFile?) { self.file = file }

    /// The upper end of the class that a length falls into: 2^n, 2^n * 5/4 or 2^n * 3/2, from 16 on.
    static func classLength(_ length: Int) -> Int {
        var unit = 16
        while 2 * unit < length { unit *= 2 }
        return [unit, unit + unit / 4, unit + unit / 2, 2 * unit].first { $0 >= length } ?? length
    }

    /// The algorithm for sequences of `length` rows and models of `states` states.
    func algorithm(length: Int, states: Int, _ storage: Storage) -> ConvolutionAlgorithm {
        let key = Key(length: Self.classLength(length), states: states, storage: storage)
        return state.withLock { state in
            if let known = state.choices[key] { return known }
            let made = entry(key)?.times.first?.algorithm ?? .usual(length: key.length)
            state.choices[key] = made
            return made
        }
    }

    /// As the static function of this name.
    func measurements(length: Int, states: Int, _ storage: Storage) -> Entry? {
        let key = Key(length: Self.classLength(length), states: states, storage: storage)
        return state.withLock { _ in entry(key) }
    }

    private func entry(_ key: Key) -> Entry? {
        guard let file else { return nil }
        return file.entry(key) { Self.measure(key) }
    }

    /// Times every candidate on 32 channels. A candidate must beat the usual choice by a tenth, so that
    /// noise does not decide.
    static func measure(_ key: Key) -> Entry {
        let length = key.length
        let width = ConvolutionAlgorithm.channelBlock
        let states = key.states
        let parameters = SSMParameters(
            aRe: Array(repeating: -0.5, count: states),
            aIm: (0..<states).map { 3 * Float($0) }, c: Array(repeating: 1, count: 2 * states),
            logStep: -9, d: 0.5)
        let convolution = SSMConvolution(
            parameters: parameters, direction: .forward, maximumLength: length)
        let activations = Activations(
            rowCapacity: length, columns: width,
            precision: key.storage == .float32 ? .float32 : .bfloat16)
        let rows = activations[0..<length]
        let work = FloatTable(count: ConvolutionAlgorithm.workFloats(maximumLength: length))
        ComputeThreads.enter()
        let usual = ConvolutionAlgorithm.usual(length: length)
        func time(_ ready: SSMConvolution.Ready) -> Double {
            func run() -> Double {
                let time = withExtendedLifetime((convolution, activations, work)) {
                    ContinuousClock().measure {
                        ready.apply(
                            rows, range: 0..<length, channels: 0..<width, work: work.base)
                    }
                }
                return time / .seconds(1)
            }
            _ = run()
            // The best of several: whatever else runs can only add time.
            var best = run()
            var total = best
            for _ in 0..<1000 where total < 0.004 || best * 3 > total {
                let time = run()
                (best, total) = (min(best, time), total + time)
            }
            return best
        }
        var times: [(algorithm: ConvolutionAlgorithm, seconds: Double)] = []
        for algorithm in ConvolutionAlgorithm.candidates(
            length: length, states: states, key.storage)
        {
            // A good plan takes FFTW longer to find than all else here, and rarely wins.
            if algorithm == .fftw, let fastest = times.map(\.seconds).min() {
                let (ready, plan) = convolution.estimatedFourier(length: length)
                let estimate = withExtendedLifetime(plan) { time(ready) }
                if estimate > FourierConvolution.gainOfMeasuring * fastest {
                    times.append((algorithm, estimate))
                    continue
                }
            }
            times.append((algorithm, time(convolution.ready(length: length, algorithm))))
        }
        func weighted(_ time: (algorithm: ConvolutionAlgorithm, seconds: Double)) -> Double {
            time.algorithm == usual ? 0.9 * time.seconds : time.seconds
        }
        return Entry(length: length, times: times.sorted { weighted($0) < weighted($1) })
    }
}
