internal import CFFTW
import Synchronization

/// The two complex transforms of one size.
///
/// Two real channels go through as one complex signal: the kernel is real, so the real and the
/// imaginary part of the convolution are those of the two channels. FFTW's complex transforms take
/// less time than two real ones and less than half the time to plan.
///
/// Sendable: FFTW's execute functions for new arrays are thread-safe, what plans and destroys plans goes
/// one at a time, and no plan is destroyed before the last reference to it is gone.
final class FFTPlan: @unchecked Sendable {
    /// The number of complex samples.
    let size: Int

    private let forwardPlan: fftwf_plan
    private let backwardPlan: fftwf_plan

    private static let plans = Mutex<[Int: FFTPlan]>([:])

    /// The plan of a size, made when first asked for. FFTW's planner is not thread-safe: one lock
    /// covers it.
    static func of(size: Int) -> FFTPlan {
        plans.withLock { plans in
            if let found = plans[size] { return found }
            let made = FFTPlan(size: size)
            plans[size] = made
            return made
        }
    }

    /// A plan of FFTW's guess, which is kept nowhere: to see whether a better one is worth its time.
    static func estimated(size: Int) -> FFTPlan {
        plans.withLock { _ in FFTPlan(size: size, isEstimated: true) }
    }

    /// Calls `body` while no plan is being made.
    static func withPlanner<R>(_ body: () -> R) -> R { plans.withLock { _ in body() } }

    private init(size: Int, isEstimated: Bool = false) {
        self.size = size
        let samples = allocateFloats(2 * size)
        let bins = allocateFloats(2 * size)
        defer {
            samples.deallocateAligned()
            bins.deallocateAligned()
        }
        func plan(_ flags: UInt32) -> (fftwf_plan?, fftwf_plan?) {
            (
                fftwf_plan_dft_1d(
                    Int32(size), Self.complex(samples), Self.complex(bins), FFTW_FORWARD, flags),
                fftwf_plan_dft_1d(
                    Int32(size), Self.complex(bins), Self.complex(samples), FFTW_BACKWARD, flags)
            )
        }
        let (forward, backward) =
            isEstimated
            ? plan(UInt32(FFTW_ESTIMATE)) : FFTWisdom.planned(size: size, plan)
        guard let forward, let backward else {
            preconditionFailure("FFTW has no plan for \(size) samples")
        }
        forwardPlan = forward
        backwardPlan = backward
    }

    deinit {
        Self.withPlanner {
            fftwf_destroy_plan(forwardPlan)
            fftwf_destroy_plan(backwardPlan)
        }
    }

    /// bins = transform of samples, `size` complex numbers each, both aligned to 64 bytes.
    func forward(_ samples: UnsafeMutablePointer<Float>, _ bins: UnsafeMutablePointer<Float>) {
        fftwf_execute_dft(forwardPlan, Self.complex(samples), Self.complex(bins))
    }

    /// samples = inverse transform of bins, times `size`. Both aligned to 64 bytes.
    func backward(_ bins: UnsafeMutablePointer<Float>, _ samples: UnsafeMutablePointer<Float>) {
        fftwf_execute_dft(backwardPlan, Self.complex(bins), Self.complex(samples))
    }

    private static func complex(
        _ floats: UnsafeMutablePointer<Float>
    ) -> UnsafeMutablePointer<fftwf_complex> {
        UnsafeMutableRawPointer(floats).assumingMemoryBound(to: fftwf_complex.self)
    }

    /// The smallest of the sizes in use that is at least `count`: 4, 5, 6 or 7 times a power of two,
    /// from 16 on, so that few plans and spectra exist and no more than a fifth is padding.
    static func size(atLeast count: Int) -> Int {
        var unit = 4
        while 7 * unit < count { unit *= 2 }
        return (4...7).first { $0 * unit >= count }.map { $0 * unit } ?? 8 * unit
    }
}
