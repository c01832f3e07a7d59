namespace Glem

/// The evidence lower bound of a pair (q, p) with the pseudo-likelihood in place of the likelihood, as sums in nats
/// (Zhao et al. 2023, section 4; Besag 1975). L are the training nodes, U all others:
///   ELBO = sum over L of ln p(y_n)  +  sum over U of E_q[ln p(y_n)]  +  sum over U of H(q_n)
///        = sum over L of ln p(y_n)  -  sum over U of KL(q_n || p_n).
/// So it is at most the gold log-likelihood, and reaches it where q = p on U.
///
/// It is tracked, never asserted, where the students are networks: the E-step minimises KL(p || q), the other
/// direction; the M-step maximises a pseudo-likelihood; both stop early on validation accuracy; and one forward pass
/// of p stands for its conditional given the labels of all other nodes.
type PseudoElbo = {
    /// |L|.
    GoldNodes: int
    /// |U|.
    PseudoNodes: int
    /// Sum over L of ln p(y_n); -infinity where a gold label has probability 0.
    GoldLogLikelihood: float
    /// Sum over U of E_q[ln p(y_n)]; -infinity where q gives weight to a class that p rules out.
    ExpectedLogLikelihood: float
    /// Sum over U of H(q_n): from 0 to |U| ln c.
    Entropy: float
    /// Sum over U of KL(q_n || p_n), what variational inference minimises; +infinity where p rules out what q holds
    /// possible.
    KlQP: float
    /// Sum over U of KL(p_n || q_n), what GLEM's E-step minimises; +infinity where q rules out what p holds possible.
    KlPQ: float
} with

    /// |V|: what each sum is divided by for a mean per node.
    member this.Nodes = this.GoldNodes + this.PseudoNodes

    /// ln p of all labels, gold and expected under q.
    member this.PseudoLogLikelihood = this.GoldLogLikelihood + this.ExpectedLogLikelihood

    /// The pseudo-ELBO: pseudo log-likelihood + entropy. -infinity where a part is; never NaN, because no part is
    /// +infinity.
    member this.Total = this.PseudoLogLikelihood + this.Entropy

module PseudoElbo =
    /// The pseudo-ELBO of q and p as they stand.   q, p : [n; c]
    /// Raises ArgumentException where their shapes differ from the supervision's.
    let ofPosteriors (supervision: Supervision) (q: Posterior<'q>) (p: Posterior<'p>) : PseudoElbo =
        if p.NodeCount <> supervision.NodeCount || p.ClassCount <> supervision.ClassCount then
            invalidArg (nameof p) $"a posterior of shape [%d{p.NodeCount}; %d{p.ClassCount}]"

        let gold = supervision.Nodes
        let pseudo = Pool.unlabelled supervision
        let overPseudo (rows: float[]) = pseudo |> Array.sumBy (fun i -> rows[int i])
        // KL is never negative; what rounding leaves below 0 of two equal rows would print as -0.
        let divergence (rows: float[]) = pseudo |> Array.sumBy (fun i -> max 0.0 rows[int i])

        {
            GoldNodes = gold.Length
            PseudoNodes = pseudo.Length
            GoldLogLikelihood = gold |> Array.sumBy (fun i -> Posterior.logProbability i (supervision.Gold(i).Value) p)
            ExpectedLogLikelihood = -(overPseudo (Posterior.crossEntropy q p))
            Entropy = overPseudo (Posterior.entropy q)
            KlQP = divergence (Posterior.kl q p)
            KlPQ = divergence (Posterior.kl p q)
        }
