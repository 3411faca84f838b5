internal import CKernels

/// Convolution as a product with the lower (backward: upper) triangular Toeplitz matrix of the kernel,
/// whose diagonal holds k[0] + D. Natural layout, no transposes, no matrix in memory.
///
/// Not a product of oneDNN: that multiplies the half of the matrix that is zero, packs the input
/// for every product, and needs a primitive for every length.
final class ToeplitzConvolution: Sendable {
    /// The kernel between two paddings of zeros.
    private let padded: FloatTable
    private let maximumLength: Int
    private let direction: Direction

    init(kernel: [Float], d: Float, direction: Direction, maximumLength: Int) {
        let padding = Int(BIGS_TOEPLITZ_PADDING)
        padded = FloatTable(count: maximumLength + 2 * padding)
        for lag in 0..<min(maximumLength, kernel.count) {
            padded.base[padding + lag] = kernel[lag] + (lag == 0 ? d : 0)
        }
        self.maximumLength = maximumLength
        self.direction = direction
    }

    /// What a sequence of `length` rows needs.
    func ready(length: Int) -> Ready {
        precondition(length <= maximumLength, "a sequence is longer than the kernel")
        return Ready(
            kernel: padded.base + Int(BIGS_TOEPLITZ_PADDING),
            isBackward: direction == .backward ? 1 : 0)
    }

    struct Ready {
        fileprivate let kernel: UnsafePointer<Float>
        fileprivate let isBackward: Int32

        /// output [length, channels] = input, convolved, on this thread.
        func apply(
            _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, length: Int,
            channels: Int
        ) {
            bigs_toeplitz(input, output, channels, length, channels, kernel, isBackward)
        }
    }
}

/// The same product by the matrix unit, of rows of bfloat16 in place. The kernel is kept as the sum of two
/// bfloat16: 16 bits of each number, where the result is rounded to 8.
final class TiledToeplitz: Sendable {
    /// The kernel and, `rest` numbers on, what rounding took of it; zeros around both.
    private let table: FloatTable
    private let taps: Int
    private let rest: Int
    private let direction: Direction

    init(kernel: [Float], d: Float, direction: Direction) {
        let padding = Int(BIGS_TILES_PADDING)
        taps = kernel.count
        rest = (taps + 2 * padding + 1) / 2 * 2
        table = FloatTable(count: rest)
        self.direction = direction
        let numbers = Self.numbers(table)
        for (lag, value) in kernel.enumerated() {
            let place = padding + (direction == .forward ? taps - 1 - lag : lag)
            var value = lag == 0 ? value + d : value
            for number in [place, place + rest] {
                bigs_narrow(&value, numbers + number, 1)
                var near: Float = 0
                bigs_widen(numbers + number, &near, 1)
                value -= near
            }
        }
    }

    private static func numbers(_ table: FloatTable) -> UnsafeMutablePointer<UInt16> {
        UnsafeMutableRawPointer(table.base).assumingMemoryBound(to: UInt16.self)
    }

    /// The floats that `apply` works in.
    static func workFloats(length: Int) -> Int { (length + 31) / 32 * 512 }

    /// What a sequence of any length needs.
    func ready() -> Ready {
        let own = Int(BIGS_TILES_PADDING) + (direction == .forward ? taps - 1 : 0)
        return Ready(
            kernel: UnsafePointer(Self.numbers(table) + own), taps: taps, rest: rest,
            isBackward: direction == .backward ? 1 : 0)
    }

    struct Ready {
        fileprivate let kernel: UnsafePointer<UInt16>
        fileprivate let taps: Int
        fileprivate let rest: Int
        fileprivate let isBackward: Int32

        /// Up to 32 channels of `length` rows, in place, on this thread. `rows` is the first channel's
        /// first number.
        func apply(
            _ rows: UnsafeMutableRawPointer, stride: Int, length: Int, channels: Int,
            work: UnsafeMutablePointer<Float>
        ) {
            bigs_toeplitz_tiles(
                kernel, taps, rest, rows, stride, length, channels, isBackward, work)
        }
    }
}
