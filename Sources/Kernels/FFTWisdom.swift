internal import CFFTW
import Glibc

/// FFTW's measurements, kept between processes in the cache folder.
///
/// Which plan FFTW takes decides the last bits of a convolution. Estimated plans are the same in every
/// process and cost nothing; up to `largestEstimate` they are also nearly as fast. Above it they
/// take 1.5 to 2.5 times as long as measured ones, and measuring takes a fraction of a second a
/// size. A measured plan can differ from process to process, so plans are measured only where the
/// result can be kept: every later process then takes the same plans and gives the same bytes.
/// Where the file cannot be written, all are estimated. Deleting the file may change last bits.
enum FFTWisdom {
    /// The largest size that is never measured.
    static let largestEstimate = 2048

    /// What `plan` makes with the planner's flags for this size. Called under the planner's lock.
    static func planned<Plan>(size: Int, _ plan: (_ flags: UInt32) -> Plan) -> Plan {
        if size > largestEstimate, let folder = CacheFolder.path(),
            let measured = measured(in: folder + "/fftw.wisdom", plan)
        {
            return measured
        }
        return plan(UInt32(FFTW_ESTIMATE))
    }

    /// The same with measurements, and with what the file at `path` has of them, to which everything
    /// new is added. Other processes wait meanwhile, so that all take what the first one found. Nil
    /// where no file can be made there. Called under the planner's lock.
    static func measured<Plan>(in path: String, _ plan: (_ flags: UInt32) -> Plan) -> Plan? {
        let file = CacheFile(path: path)
        return file.exclusively {
            _ = read(path)
            let made = plan(UInt32(FFTW_MEASURE))
            _ = file.replace { fftwf_export_wisdom_to_filename($0) == 1 }
            return made
        }
    }

    /// Whether a file's wisdom was taken. One that is damaged or of another version is not, and will
    /// be replaced. Called under the planner's lock.
    static func read(_ path: String) -> Bool {
        access(path, R_OK) == 0 && fftwf_import_wisdom_from_filename(path) == 1
    }
}
