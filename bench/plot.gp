# SPDX-License-Identifier: GPL-2.0-only
# Plots the output of bench/table. usage: gnuplot -e "dir='DIR'" bench/plot.gp
# A figure that was not measured has no file and no plot.

set terminal pngcairo noenhanced size 1100,600 font ",11"
set datafile separator "\t"
set datafile missing "?"
set grid
set style fill solid 0.6
there(name) = int(system("[ -s '".dir."/".name."' ] && echo 1 || echo 0"))
bars(name) = system("wc -l < '".dir."/".name."'") - 1

if (there("switch_cost.tsv")) {
	set output dir."/switch_cost.png"
	set title "Cost of a context switch over nothing attached"
	set xlabel "ns of CPU time; bar: median, line: 95 % confidence"
	set yrange [bars("switch_cost.tsv") - 0.5 : -0.5]
	set xrange [0:*]
	unset key
	plot dir."/switch_cost.tsv" skip 1 using 3:0:(0):3:($0 - 0.35):($0 + 0.35):ytic(1) with boxxyerror, \
	     "" skip 1 using 3:0:4:5 with xerrorbars pt 0 lw 2 lc black
}
set ytics auto
set autoscale

if (there("lateness.samples.tsv")) {
	set output dir."/lateness.png"
	set title "Lateness of a limit, by the spinner's own CPU clock"
	set xlabel "ms late (below the limit: not shown)"
	set ylabel "part of the trials that were no later"
	set logscale x
	set yrange [0:1]
	set key outside right
	stats dir."/lateness.samples.tsv" using 2 nooutput
	# A block separator also ends the last block: the one after it is empty.
	plot for [i = 0:STATS_blocks - 2] dir."/lateness.samples.tsv" index i using 1:2 \
		with steps lw 2 lc 1 + i / 2 dt 1 + i % 2 title columnheader(1)
	unset logscale
}
set autoscale
set ylabel ""

if (there("scale.tsv")) {
	set output dir."/scale.png"
	set title "Time for so many tasks"
	set xlabel "tasks"
	set ylabel "ms"
	set logscale xy
	set key left top
	plot dir."/scale.tsv" skip 1 using (real(strcol(1))):2 with linespoints lw 2 title "watch", \
	     "" skip 1 using (real(strcol(1))):3 with linespoints lw 2 title "list", \
	     "" skip 1 using (real(strcol(1))):4 with linespoints lw 2 title "drop"
	unset logscale
}
set autoscale
set ylabel ""

works = "build hackbench redis pgbench"
do for [work in works] {
	name = "work_".work
	if (there(name.".tsv")) {
		set output dir."/".name.".png"
		set title work.": slowdown over maze off"
		set xlabel "per cent; point: median of the rounds, line: 95 % confidence"
		set yrange [bars(name.".tsv") - 0.5 : -0.5]
		unset key
		plot dir."/".name.".tsv" skip 1 using 3:0:4:5:ytic(1) with xerrorbars pt 7 ps 1.5 lw 2, \
		     0 with lines lc black notitle
	}
}
