-- How many experiments of a hub.sqlite have what plain SQL makes of their results.
CREATE TEMP VIEW matrix AS SELECT experiment_id,
  sum(flag = 1 AND manual_flag = 1) AS a, sum(flag = 0 AND manual_flag = 1) AS b,
  sum(flag = 1 AND manual_flag = 0) AS c, sum(flag = 0 AND manual_flag = 0) AS d, count(*) * 1.0 AS n
FROM results WHERE outcome = 'ok' AND manual_flag IS NOT NULL GROUP BY experiment_id;
-- Chance agreement, for kappa.
CREATE TEMP VIEW chance AS SELECT *, ((a+b)*(a+c) + (c+d)*(b+d)) / n / n AS e FROM matrix;
CREATE TEMP VIEW counted AS SELECT experiment_id, sum(outcome <> 'not_run') AS total, sum(flag) AS flagged,
  sum(is_false_positive) AS fp, sum(is_false_negative) AS fn, count(manual_flag) AS with_flag
FROM results GROUP BY experiment_id;
SELECT count(*) || ' of ' || (SELECT count(*) FROM experiments) FROM experiments
JOIN chance ON chance.experiment_id = id JOIN counted ON counted.experiment_id = id
WHERE (true_positives, false_negatives, false_positives, true_negatives) = (a, b, c, d)
AND (false_positives, false_negatives, positives, total_narratives) = (fp, fn, flagged, total)
AND round(percent_overlap, 9) IS round(100*(a+d)/n, 9) AND round(accuracy, 9) IS round((a+d)/n, 9)
AND round(precision, 9) IS round(a*1.0/(a+c), 9) AND round(recall, 9) IS round(a*1.0/(a+b), 9)
AND round(specificity, 9) IS round(d*1.0/(c+d), 9) AND round(f1, 9) IS round(a/(a + (b+c)/2.0), 9)
AND round(balanced_accuracy, 9) IS round((a*1.0/(a+b) + d*1.0/(c+d)) / 2, 9)
AND round(kappa, 9) IS round(((a+d)/n - e) / (1 - e), 9) AND round(coverage, 9) IS round(n/with_flag, 9)
AND round(mcc * mcc, 9) IS round(1.0*(a*d-b*c)*(a*d-b*c)/(a+b)/(c+d)/(a+c)/(b+d), 9) AND coalesce(sign(mcc) = sign(a*d-b*c), mcc IS NULL);
