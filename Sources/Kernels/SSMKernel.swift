internal import CKernels
import Glibc

/// The parameters of one state space model, as a checkpoint stores them: one per layer and direction,
/// shared by all channels.
package struct SSMParameters: Sendable, Equatable {
    /// The real parts of A, [N]; values above -1e-4 count as -1e-4.
    package var aRe: [Float]
    /// The imaginary parts of A, [N].
    package var aIm: [Float]
    /// C, [N, 2]: real and imaginary part in turn.
    package var c: [Float]
    /// The logarithm of the time step.
    package var logStep: Float
    /// The weight of the input itself.
    package var d: Float

    /// Parameters of N = `aRe.count` states.
    package init(aRe: [Float], aIm: [Float], c: [Float], logStep: Float, d: Float) {
        precondition(aIm.count == aRe.count && c.count == 2 * aRe.count, "states differ in number")
        self.aRe = aRe
        self.aIm = aIm
        self.c = c
        self.logStep = logStep
        self.d = d
    }
}

/// The convolution kernel of a diagonal state space model (S4D, zero-order hold).
package enum SSMKernel {
    /// k[l] = Re sum_n C_n (exp(dt A_n) - 1) / A_n exp(l dt A_n), l < length, with
    /// A = min(A_re, -1e-4) + i A_im and dt = exp(log_step); without the D term.
    ///
    /// All in double precision and rounded once at the end, so within 1 ulp of the float64 sum for
    /// phases l dt A_im up to 1e8. A prefix of a longer kernel equals the shorter kernel.
    package static func generate(_ parameters: SSMParameters, length: Int) -> [Float] {
        precondition(length > 0, "a kernel has at least one sample")
        var sum = [Double](repeating: 0, count: length)
        sum.withUnsafeMutableBufferPointer { sum in
            for mode in modes(parameters) {
                bigs_accumulate_mode(
                    mode.weightRe, mode.weightIm, mode.stepRe, mode.stepIm, sum.baseAddress, length)
            }
        }
        return sum.map { Float($0) }
    }

    /// One state's part of the kernel: Re of weight exp(l step).
    struct Mode {
        var weightRe, weightIm: Double
        var stepRe, stepIm: Double

        /// exp(l step).
        func power(_ l: Int) -> (re: Double, im: Double) {
            let (size, angle) = (exp(Double(l) * stepRe), Double(l) * stepIm)
            return (size * cos(angle), size * sin(angle))
        }
    }

    /// The kernel's parts, one for each state.
    static func modes(_ parameters: SSMParameters) -> [Mode] {
        let step = exp(Double(parameters.logStep))
        return parameters.aRe.indices.map { n in
            let re = min(Double(parameters.aRe[n]), -1e-4)
            let im = Double(parameters.aIm[n])
            let weight = weight(
                cRe: Double(parameters.c[2 * n]), cIm: Double(parameters.c[2 * n + 1]),
                re: re, im: im, step: step)
            return Mode(
                weightRe: weight.re, weightIm: weight.im, stepRe: step * re, stepIm: step * im)
        }
    }

    /// C (exp(dt A) - 1) / A, accurate also where dt A is small.
    private static func weight(
        cRe: Double, cIm: Double, re: Double, im: Double, step: Double
    ) -> (re: Double, im: Double) {
        // exp(x + iy) - 1 = expm1(x) cos y - 2 sin^2(y / 2) + i exp(x) sin y
        let (x, y) = (step * re, step * im)
        let half = sin(y / 2)
        let (eRe, eIm) = (expm1(x) * cos(y) - 2 * half * half, exp(x) * sin(y))
        let (pRe, pIm) = (cRe * eRe - cIm * eIm, cRe * eIm + cIm * eRe)
        let norm = re * re + im * im
        return ((pRe * re + pIm * im) / norm, (pIm * re - pRe * im) / norm)
    }
}
