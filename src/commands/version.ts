// Version: of the program, the chart and the image alike; a test holds it equal to package.json.

export const VERSION = '0.1.0';
