internal import CKernels
import Glibc
import Synchronization

/// Convolution as what a state space model is: a scan. Chunks of 64 rows, a small Toeplitz product in
/// each, and N complex states for each channel between them.
///
/// Its work does not grow with the kernel's length, but with its states: about 64 + 8 N operations a
/// number. So it is for models of few states; with the published 64, blocks are faster at any length.
final class ChunkedScan: Sendable {
    /// A model of more states is not scanned.
    static let mostStates = 256
    /// The rows of a chunk.
    static let chunk = Int(BIGS_CHUNK)

    private struct Tables {
        let lags: FloatTable
        let reads: FloatTable
        let writes: FloatTable
        let turns: FloatTable
    }

    private let kernel: [Float]
    private let parameters: SSMParameters
    private let direction: Direction
    private let tables = Mutex<Tables?>(nil)

    /// `kernel` is that of the parameters; what it has after its first 64 samples is not needed.
    init(kernel: [Float], parameters: SSMParameters, direction: Direction) {
        self.kernel = Array(kernel.prefix(Self.chunk))
        self.parameters = parameters
        self.direction = direction
    }

    private static let padding = Int(BIGS_CHUNK_PADDING)

    /// The tables, made now if they have not been yet.
    func ready() -> Ready {
        let tables = made()
        let states = Self.padded(parameters.aRe.count)
        return Ready(
            model: bigs_chunks(
                states: states, lags: tables.lags.base + Self.padding,
                reads: tables.reads.base + Self.padding * 2 * states, writes: tables.writes.base,
                turns: tables.turns.base),
            isBackward: direction == .backward ? 1 : 0)
    }

    /// The floats that `apply` works in.
    static func workFloats(states: Int) -> Int { bigs_chunks_work(padded(states)) }

    /// `states`, rounded up to what fills the tiles of the products.
    private static func padded(_ states: Int) -> Int {
        let unit = padding / 2
        return (states + unit - 1) / unit * unit
    }

    struct Ready {
        fileprivate let model: bigs_chunks
        fileprivate let isBackward: Int32

        /// Up to 32 channels of `length` rows, in place, on this thread. `rows` is the first channel's
        /// first number.
        func apply(
            _ rows: UnsafeMutableRawPointer, storage: Storage, stride: Int, length: Int,
            channels: Int, work: UnsafeMutablePointer<Float>
        ) {
            withUnsafePointer(to: model) { model in
                bigs_scan_chunks(
                    model, storage.native, rows, stride, length, channels, isBackward, work)
            }
        }
    }

    private func made() -> Tables {
        tables.withLock { tables in
            if let tables { return tables }
            let made = makeTables()
            tables = made
            return made
        }
    }

    /// All powers in double precision, each by its own exponential.
    private func makeTables() -> Tables {
        let (chunk, padding) = (Self.chunk, Self.padding)
        let states = Self.padded(parameters.aRe.count)
        let lags = FloatTable(count: chunk + 2 * padding)
        let reads = FloatTable(count: (chunk + 2 * padding) * 2 * states)
        let writes = FloatTable(count: 2 * states * chunk)
        let turns = FloatTable(count: 4 * states)
        for (lag, value) in kernel.enumerated() {
            lags.base[padding + lag] = value + (lag == 0 ? parameters.d : 0)
        }
        for (n, mode) in SSMKernel.modes(parameters).enumerated() {
            for row in 0..<chunk {
                let power = mode.power(row + 1)
                let place = reads.base + (padding + row) * 2 * states + 2 * n
                place[0] = Float(mode.weightRe * power.re - mode.weightIm * power.im)
                place[1] = -Float(mode.weightRe * power.im + mode.weightIm * power.re)
                let write = mode.power(chunk - 1 - row)
                writes.base[2 * n * chunk + row] = Float(write.re)
                writes.base[(2 * n + 1) * chunk + row] = Float(write.im)
            }
            let turn = mode.power(chunk)
            let place = turns.base + 4 * n
            (place[0], place[1]) = (Float(turn.re), Float(turn.im))
            place[2] = Float(turn.re - Double(place[0]))
            place[3] = Float(turn.im - Double(place[1]))
        }
        return Tables(lags: lags, reads: reads, writes: writes, turns: turns)
    }
}
