package narrative

const zipMagic = "PK\x03\x04"

func parseXLSX(data, sheet string, f *faults) table { return table{} }
