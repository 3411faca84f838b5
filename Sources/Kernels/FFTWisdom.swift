internal import CFFTW
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// FFTW's measurements, kept between processes in the cache folder.
///
/// Which plan FFTW takes decides the last bits of a convolution. Estimated plans are the same in every
/// process and cost nothing; up to `largestEstimate` they are also nearly as fast. Above it they
/// take 1.5 to 2.5 times as long as measured ones, and measuring takes a fraction of a second a
/// size. A measured plan can differ from process to process, so plans are measured only where the
/// result can be kept: every later process then takes the same plans and gives the same bytes.
/// Where the file cannot be written, all are estimated. Deleting the file may change last bits.
enum FFTWisdom {
    private struct State {
        var prepared = false
        var path: String?
    }

    private static let state = Mutex(State())

    /// The largest size that is never measured.
    static let largestEstimate = 2048

    /// The planner's flags; reads the file when it is first needed. Called under the planner's lock.
    static func flags(size: Int) -> UInt32 {
        guard size > largestEstimate else { return UInt32(FFTW_ESTIMATE) }
        return state.withLock { state in
            if !state.prepared {
                state.prepared = true
                state.path = CacheFolder.path().map { $0 + "/fftw.wisdom" }
                if let path = state.path { _ = read(path) }
            }
            return state.path == nil ? UInt32(FFTW_ESTIMATE) : UInt32(FFTW_MEASURE)
        }
    }

    /// Whether a file's wisdom was taken. One that is damaged or of another version is not, and will
    /// be replaced. Called under the planner's lock.
    static func read(_ path: String) -> Bool {
        access(path, R_OK) == 0 && fftwf_import_wisdom_from_filename(path) == 1
    }

    /// Writes everything learned so far, whole or not at all.
    static func save(flags: UInt32) {
        guard flags == UInt32(FFTW_MEASURE), let path = state.withLock({ $0.path })
        else { return }
        let temporary = "\(path).\(getpid())"
        guard fftwf_export_wisdom_to_filename(temporary) == 1, rename(temporary, path) == 0 else {
            unlink(temporary)
            return
        }
    }
}
