package compare

import (
	"context"
	"fmt"
)

// cells calls do for every slot of every subject that has not failed, the
// subjects innermost: what is compared is measured side by side.
func (r *run) cells(ctx context.Context, round int, do func(slot) error) error {
	for _, size := range Sizes {
		for _, kind := range kinds {
			what := fmt.Sprintf("%s of %s over", kind.title(), formatSize(size))
			err := r.each(ctx, round, what, func(i int) error {
				return do(slot{i, kind, size})
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// each calls do for every subject that has not failed, beginning with another
// one in each round, so that none is always after the same. An error is the
// subject's, unless the run itself is over.
func (r *run) each(ctx context.Context, round int, what string, do func(i int) error) error {
	for turn := range r.Subjects {
		i := (turn + round) % len(r.Subjects)
		subject := &r.report.Subjects[i]
		r.Progress(r.done, r.steps(), what+" "+subject.Name+":")
		r.done++
		if subject.Error != "" {
			continue
		}
		err := do(i)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			subject.Error = err.Error()
			r.log.write("failure", failureLine{subject.Name, subject.Error})
		}
	}
	return nil
}

// steps is how often each will call do.
func (r *run) steps() int {
	return len(r.Subjects) * (2 + (1+rounds)*len(Sizes)*len(kinds))
}
