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
