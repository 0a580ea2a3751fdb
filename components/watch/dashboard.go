package watch

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The grid: CloudWatch's dashboards are 24 wide; a row holds three graphs.
const (
	gridWidth               = 24
	graphWidth, graphHeight = 8, 6
	titleHeight             = 1
	alarmHeight             = 3
)

// sections are all of the dashboard's, in order.
func (args *Args) sections() []Section {
	return slices.Concat(fleetSections(args.Place.Stack), args.Sections)
}

// widgets counts what sections become: a title and its graphs each, and the alarms at the top.
func widgets(sections []Section) int {
	n := 1
	for _, section := range sections {
		n += 1 + len(section.Graphs)
	}
	return n
}

// makeDashboard draws everything, from what users see down to the parts.
func (b *builder) makeDashboard() error {
	region, y := b.args.Place.Region, 0
	body := pulumi.Array{widget("alarm", 0, y, gridWidth, alarmHeight, pulumi.Map{
		"title": pulumi.String("Now"), "alarms": pulumi.Array{b.users, b.capacity},
	})}
	y += alarmHeight
	for _, section := range b.args.sections() {
		body = append(body, widget("text", 0, y, gridWidth, titleHeight, pulumi.Map{"markdown": pulumi.String("## " + section.Title)}))
		y += titleHeight
		for i, graph := range section.Graphs {
			column := i % (gridWidth / graphWidth)
			if column == 0 && i > 0 {
				y += graphHeight
			}
			body = append(body, widget("metric", column*graphWidth, y, graphWidth, graphHeight, graph.properties(region)))
		}
		y += graphHeight
	}
	_, err := cloudwatch.NewDashboard(b.ctx, b.child("dashboard"), &cloudwatch.DashboardArgs{
		DashboardName: pulumi.String(b.c.Dashboard), DashboardBody: pulumi.JSONMarshal(pulumi.Map{"widgets": body}),
	}, b.parent())
	return err
}

func widget(kind string, x, y, width, height int, properties pulumi.Map) pulumi.Map {
	return pulumi.Map{
		"type": pulumi.String(kind), "x": pulumi.Int(x), "y": pulumi.Int(y), "width": pulumi.Int(width), "height": pulumi.Int(height),
		"properties": properties,
	}
}

// properties are a graph in CloudWatch's words.
func (g Graph) properties(region string) pulumi.Map {
	var series pulumi.Array
	for _, s := range g.Series {
		series = append(series, s.row())
	}
	return pulumi.Map{
		"title": pulumi.String(g.Title), "region": pulumi.String(region), "view": pulumi.String("timeSeries"),
		"stacked": pulumi.Bool(g.Stacked), "period": pulumi.Int(60), "metrics": series,
	}
}

// row is a metric as the dashboard's format has it: namespace, name, each dimension and its value, then how it is shown.
func (s Series) row() pulumi.Array {
	if s.Search != nil {
		return pulumi.Array{pulumi.Map{"expression": s.Search, "label": pulumi.String(s.Label)}}
	}
	row := pulumi.Array{pulumi.String(s.Namespace), pulumi.String(s.Name)}
	for _, dimension := range slices.Sorted(maps.Keys(s.Dimensions)) {
		row = append(row, pulumi.String(dimension), s.Dimensions[dimension])
	}
	return append(row, pulumi.Map{"stat": pulumi.String(s.Statistic), "label": pulumi.String(s.Label)})
}
