internal import CKernels
import Synchronization

/// Convolution in equal parts: the spectrum of each block of the sequence, a triangular product over
/// blocks for each frequency, and back. 16 channels at a time in the lanes of vectors, so that
/// nothing is transposed, and in float32 whatever the rows are.
final class PartitionedConvolution: Sendable {
    /// The block sizes that there are transforms for and that have ever been the fastest.
    static let sizes = [64, 128, 256, 512, 1024, 2048]
    /// A kernel that has decayed after so few samples takes blocks of at most 512 rows: few of them are
    /// needed at a time, and these stay in the cache.
    private static let shortKernel = 1024

    private struct Spectrum {
        let values: FloatTable
        let rowFloats: Int
        let segments: Int
    }

    /// A transform and the kernel's spectrum for it.
    struct Ready {
        fileprivate let plan: OpaquePointer
        fileprivate let spectrum: UnsafePointer<Float>
        fileprivate let rowFloats: Int
        fileprivate let segments: Int
        fileprivate let isBackward: Int32

        /// Up to 32 channels of `length` rows, in place, on this thread. `rows` is the first channel's
        /// first number.
        func apply(
            _ rows: UnsafeMutableRawPointer, storage: Storage, stride: Int, length: Int,
            channels: Int, work: UnsafeMutablePointer<Float>
        ) {
            bigs_partitioned(
                plan, spectrum, rowFloats, segments, storage.native, rows, stride, length,
                channels, isBackward, work)
        }
    }

    private let kernel: [Float]
    private let d: Float
    private let direction: Direction
    private let spectra = Mutex<[Int: Spectrum]>([:])

    /// `kernel` may end where it has decayed; all after it counts as zero.
    init(kernel: [Float], d: Float, direction: Direction) {
        self.kernel = kernel
        self.d = d
        self.direction = direction
    }

    /// What blocks of a size need, made now if it has not been yet.
    func ready(size: Int) -> Ready {
        let size = fitting(size)
        let spectrum = spectrum(size)
        return Ready(
            plan: FourierPlans.shared.plan(size), spectrum: spectrum.values.base,
            rowFloats: spectrum.rowFloats, segments: spectrum.segments,
            isBackward: direction == .backward ? 1 : 0)
    }

    /// The block size that the kernel is given where `size` is the fastest for kernels of any length.
    private func fitting(_ size: Int) -> Int {
        kernel.count <= Self.shortKernel ? min(size, 512) : size
    }

    /// The floats that `apply` works in.
    static func workFloats(size: Int, length: Int) -> Int {
        func floats(_ size: Int) -> Int { bigs_partitioned_work(size, (length + size - 1) / size) }
        return max(floats(size), floats(min(size, 512)))
    }

    private func spectrum(_ size: Int) -> Spectrum {
        spectra.withLock { spectra in
            if let found = spectra[size] { return found }
            // Block pairs p apart see lags up to (p + 1) size - 1, from (p - 1) size + 1 on.
            let segments = (kernel.count + size - 2) / size + 1
            let rowFloats = bigs_partitioned_row(segments)
            let values = FloatTable(count: size * rowFloats)
            let work = FloatTable(count: bigs_partitioned_work(size, 1))
            withExtendedLifetime((values, work)) {
                bigs_partitioned_spectrum(
                    FourierPlans.shared.plan(size), kernel, kernel.count, segments, d,
                    direction == .backward ? 1 : 0, values.base, rowFloats, work.base)
            }
            let made = Spectrum(values: values, rowFloats: rowFloats, segments: segments)
            spectra[size] = made
            return made
        }
    }
}

/// The factors of each size of transform, made once and kept.
///
/// Sendable: written under the lock, afterwards only read.
final class FourierPlans: @unchecked Sendable {
    static let shared = FourierPlans()
    private let plans = Mutex<[Int: OpaquePointer]>([:])

    func plan(_ size: Int) -> OpaquePointer {
        let found: OpaquePointer? = plans.withLock { plans in
            if let found = plans[size] { return found }
            let made = bigs_fourier_create(size)
            plans[size] = made
            return made
        }
        guard let found else { preconditionFailure("no transform of \(size) numbers") }
        return found
    }
}
