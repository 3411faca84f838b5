internal import CKernels
import Synchronization

/// Convolution by Fourier transforms, zero-padded so that nothing wraps around.
///
/// A block of channels is transposed so that two channels are one contiguous complex signal; each
/// signal is transformed, multiplied by the kernel's spectrum and transformed back. The spectrum
/// has D, the scale 1 / size and, backward, the conjugate in it: correlation instead of two flips.
final class FourierConvolution: Sendable {
    private let kernel: [Float]
    private let d: Float
    private let direction: Direction
    private let spectra = Mutex<[Int: FloatTable]>([:])

    init(kernel: [Float], d: Float, direction: Direction) {
        self.kernel = kernel
        self.d = d
        self.direction = direction
    }

    /// Plan and spectrum for a length, made now if they have not been yet.
    func ready(length: Int) -> Ready { ready(Self.plan(length: length)) }

    /// How many times as long as a measured plan an estimated one takes at most.
    static let gainOfMeasuring = 2.5

    /// The same with an estimated plan, and that plan, which has to last as long.
    func estimated(length: Int) -> (Ready, FFTPlan) {
        let plan = FFTPlan.estimated(size: Self.size(length: length))
        return (ready(plan), plan)
    }

    private func ready(_ plan: FFTPlan) -> Ready {
        Ready(plan: .passUnretained(plan), spectrum: spectrum(plan).base)
    }

    struct Ready {
        /// A measured plan lasts as long as the process, an estimated one as long as its caller keeps it.
        fileprivate let plan: Unmanaged<FFTPlan>
        fileprivate let spectrum: UnsafePointer<Float>

        /// Replaces block [length, channels] by its convolution, on this thread. `work` holds
        /// `workFloats(length)` floats.
        func apply(
            _ block: UnsafeMutablePointer<Float>, length: Int, channels: Int,
            work: UnsafeMutablePointer<Float>
        ) {
            plan._withUnsafeGuaranteedRef { plan in
                let stride = FourierConvolution.stride(plan.size)
                let bins = work
                let samples = work + 2 * plan.size
                var first = 0
                while first < channels {
                    let count = min(FourierConvolution.channelBlock, channels - first)
                    bigs_gather_pairs(block + first, channels, length, count, samples, stride)
                    for signal in 0..<(count + 1) / 2 {
                        let samples = samples + 2 * signal * stride
                        (samples + 2 * length).update(
                            repeating: 0, count: 2 * (plan.size - length))
                        plan.forward(samples, bins)
                        bigs_multiply_spectrum(bins, spectrum, plan.size)
                        plan.backward(bins, samples)
                    }
                    bigs_scatter_pairs(samples, stride, length, count, block + first, channels)
                    first += count
                }
            }
        }
    }

    /// The channels that are transformed at a time: a cache line of each row.
    private static let channelBlock = 16

    /// The distance between a block's signals. Not a power of two: their samples at one time would
    /// all compete for the same cache lines.
    private static func stride(_ size: Int) -> Int { size + 16 }

    /// The floats that `apply` works in: two channels are one complex signal.
    static func workFloats(length: Int) -> Int {
        let size = size(length: length)
        return 2 * size + channelBlock * stride(size)
    }

    /// The size of transform at which nothing of a sequence wraps around.
    private static func size(length: Int) -> Int { FFTPlan.size(atLeast: 2 * length - 1) }

    private static func plan(length: Int) -> FFTPlan { FFTPlan.of(size: size(length: length)) }

    /// The kernel's spectrum for a size; the kernel is cut where it could wrap around.
    private func spectrum(_ plan: FFTPlan) -> FloatTable {
        spectra.withLock { spectra in
            if let found = spectra[plan.size] { return found }
            let samples = FloatTable(count: 2 * plan.size)
            let made = FloatTable(count: 2 * plan.size)
            let scale = 1 / Float(plan.size)
            for i in 0..<min(kernel.count, (plan.size + 1) / 2) {
                samples.base[2 * i] = (kernel[i] + (i == 0 ? d : 0)) * scale
            }
            withExtendedLifetime((samples, made)) { plan.forward(samples.base, made.base) }
            if direction == .backward {
                for bin in 0..<plan.size { made.base[2 * bin + 1].negate() }
            }
            spectra[plan.size] = made
            return made
        }
    }
}
